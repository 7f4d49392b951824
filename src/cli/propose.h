/* propose.h - `clearline member propose` and `approve`: what takes the others' consent.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_PROPOSE_H
#define CLI_PROPOSE_H

int propose_run(int argc, char **argv); /* argv[0] is "propose". */
int approve_run(int argc, char **argv); /* argv[0] is "approve". */

#endif
