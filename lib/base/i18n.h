/* SPDX-License-Identifier: Apache-2.0 */
/* Marks for gettext. `_()` translates now, `N_()` marks a text of a table for later. Domain:
 * "safeport".
 *
 * Functions that take a message for people (sp_fail, sp_err_context, sp_report_add_note...) are
 * marks themselves: po/xgettext-options lists them. What is written to the log for developers, to
 * files and to other machines stays English.
 */
#ifndef SP_BASE_I18N_H
#define SP_BASE_I18N_H

#include <libintl.h>

#define SP_TEXT_DOMAIN "safeport"
#define _(text) dgettext(SP_TEXT_DOMAIN, text)
#define N_(text) text

#endif
