/* test_keyfile.c - key pairs in files, and the token command over them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/keyfile.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/jwt_key.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "t.h"

static char folder[512], keys[600], private_path[700], public_path[700];
static struct why why;

static void clean(void)
{
    (void)unlink(private_path);
    (void)unlink(public_path);
    (void)rmdir(keys);
}

static void a_pair_is_made_once_and_never_overwritten(void)
{
    AUTO(buf_done) struct buf before = {0}, after = {0}, public = {0};
    struct jwt_key_vec found = {0};
    struct stat is;

    CHECK(keyfile_make(keys, JWT_MAKE_ED25519, &why) == OK);
    CHECK(stat(private_path, &is) == 0 && (is.st_mode & 0777) == 0600);
    CHECK(stat(keys, &is) == 0 && (is.st_mode & 0777) == 0700);
    CHECK(keyfile_read(private_path, &before, &why) == OK);
    CHECK(keyfile_make(keys, JWT_MAKE_RSA, &why) == ERR_INPUT && strstr(why.text, "private.pem"));
    CHECK(keyfile_ensure(keys, &why) == OK);
    CHECK(keyfile_read(private_path, &after, &why) == OK);
    CHECK_STR(buf_str(&after), buf_str(&before));
    CHECK(keyfile_read(public_path, &public, &why) == OK);
    CHECK(jwt_keys_from_pem(buf_str(&public), "f", &found, &why) == OK && found.n == 1 && jwt_key_suits(found.at[0], JWT_EDDSA));
    CHECK(unlink(private_path) == 0);
    CHECK(keyfile_ensure(keys, &why) == ERR_INPUT && strstr(why.text, "public.pem")); /* Half a pair: nobody's to mend. */
    jwt_keys_done(&found);
    clean();
    CHECK(keyfile_ensure(keys, &why) == OK);
    buf_clear(&public);
    CHECK(keyfile_read(public_path, &public, &why) == OK);
    CHECK(jwt_keys_from_pem(buf_str(&public), "f", &found, &why) == OK && jwt_key_suits(found.at[0], JWT_RS256));
    jwt_keys_done(&found);
    clean();
    CHECK(keyfile_make("/nowhere/at/all", JWT_MAKE_RSA, &why) == ERR_DISK);
}

static int run(const char *const *words)
{
    char *argv[16];
    int argc = 0, code;

    for (; words[argc]; argc++) argv[argc] = strdup(words[argc]);
    argv[argc] = NULL;
    (void)fflush(stdout);
    int kept = dup(1);
    must(kept >= 0 && freopen("/dev/null", "w", stdout) != NULL);
    code = cmd_token(argc, argv);
    (void)fflush(stdout);
    must(dup2(kept, 1) == 1 && close(kept) == 0);
    for (int i = 0; i < argc; i++) free(argv[i]);
    return code;
}

static void the_command_says_by_its_code_what_it_did(void)
{
    CHECK_INT(run((const char *const[]){"token", "--new-key", keys, "--kind", "ec", NULL}), EXIT_YES);
    CHECK_INT(run((const char *const[]){"token", "--new-key", keys, NULL}), EXIT_USAGE);
    CHECK_INT(run((const char *const[]){"token", "--new-key", keys, "--kind", "dsa", NULL}), EXIT_USAGE);
    CHECK_INT(run((const char *const[]){"token", "--key", private_path, "--sub", "u", "--audience", "h", NULL}), EXIT_YES);
    CHECK_INT(run((const char *const[]){"token", "--key", private_path, "--sub", "u", NULL}), EXIT_USAGE);
    CHECK_INT(run((const char *const[]){"token", "--key", private_path, "--sub", "u", "--audience", "h", "--expires", "3601", NULL}), EXIT_USAGE);
    CHECK_INT(run((const char *const[]){"token", "--key", public_path, "--sub", "u", "--audience", "h", NULL}), EXIT_USAGE);
    clean();
}

int main(void)
{
    const char *place = getenv("TMPDIR");

    (void)snprintf(folder, sizeof folder, "%s/keyfile-XXXXXX", place ? place : "/tmp");
    must(mkdtemp(folder) != NULL);
    (void)snprintf(keys, sizeof keys, "%s/keys", folder);
    (void)snprintf(private_path, sizeof private_path, "%s/private.pem", keys);
    (void)snprintf(public_path, sizeof public_path, "%s/public.pem", keys);
    RUN(a_pair_is_made_once_and_never_overwritten);
    RUN(the_command_says_by_its_code_what_it_did);
    CHECK(rmdir(folder) == 0);
    return t_done();
}
