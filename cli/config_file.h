/* SPDX-License-Identifier: Apache-2.0 */
/* safeport.yaml for a command: found, read, and what is wrong with it said on stderr. */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "cli/command.h"
#include "config/config.h"

/* Finds and reads the file that --config, $SAFEPORT_CONFIG or the usual places name. Answers true
 * and *config (the caller's); or false, all complaints said on stderr, and *status. */
bool config_file_load(const struct common_args *common, struct sp_config **config, int *status);

/* The same, except that *config is NULL where none is named and there is none in the usual places.
 */
bool config_file_load_if_any(const struct common_args *common, struct sp_config **config,
                             int *status);

/* Prints complaints on stderr. */
void config_file_print_complaints(const char *path, const struct sp_complaints *complaints);

#endif
