/* model.h - the rules of f3548-dss.md once more: slow, plain, in arrays.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ground is the bitmap of lab.h. The model knows whole keys, not digests, and keeps itself as of earlier positions as plain
 * copies; what it shares with the state is the change as its input, and the texts of new tokens.
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "state/outcome.h"
#include "state/view.h"

#define MODEL_ENTITIES 600
#define MODEL_USSS 8
#define MODEL_USED 4000
#define MODEL_LIST 700

struct model_entity {
    bool is_there;
    enum entity_kind kind;
    struct id id;
    int manager; /* 0..MODEL_USSS-1 */
    char url[40], token[CHANGE_TOKEN_MAX + 1];
    uint64_t ground;
    struct box box;
    int32_t version, index;
    enum intent_state state;
    struct id subscription;
    bool for_intents, for_constraints, is_implicit;
    uint64_t changed_at;  /* Entry of the last PUT. */
    uint64_t asked_since; /* Entry that turned for_constraints on. */
};

struct model_used {
    struct id intent;
    char token[CHANGE_TOKEN_MAX + 1];
};

struct model {
    struct model_entity entities[MODEL_ENTITIES];
    struct model_used used[MODEL_USED];
    size_t n_used;
    enum uss_availability status[MODEL_USSS];
    char version[MODEL_USSS][CHANGE_TOKEN_MAX + 1];
    uint64_t left_down_at[MODEL_USSS];
    uint64_t position;
    int64_t clock_ms;
    bool needs_412;
};

/* What a change came to, in lists. */
struct model_outcome {
    enum reason reason;
    int32_t version, index;
    char token[CHANGE_TOKEN_MAX + 1]; /* "" if there is none. */
    size_t n_notices;
    struct {
        struct id id;
        int32_t index;
    } notices[MODEL_LIST];
    size_t n_intents, n_constraints; /* Conflicts, by id. */
    struct id intents[MODEL_LIST], constraints[MODEL_LIST];
};

/* The client's whole key, and the model as of the position where a node judged it. */
struct model_key {
    const struct str *at;
    size_t n;
    const struct model *judged_at;
};

/* Everything but the key. */
enum reason model_judge(const struct model *m, int manager, const struct change *c, int64_t now_ms);

/* Relevant entities whose OVN the key lacks. */
void model_missing(const struct model *m, int manager, const struct change *c,
                   const struct model_key *key, struct model_outcome *ret);

/* One change of the entry at m->position; the caller steps position and calls model_end_entry() after its changes. implicit_token is
 * what a subscription that this change makes or grows has for a version. */
void model_apply(struct model *m, int manager, const struct change *c, int64_t now_ms,
                 const struct model_key *key, struct model_outcome *ret);
void model_end_entry(struct model *m, int64_t now_ms);

const struct model_entity *model_find(const struct model *m, enum entity_kind kind, struct id id);
size_t model_dependents(const struct model *m, struct id subscription);
const char *model_uss(int manager); /* "uss0" ... */

#endif
