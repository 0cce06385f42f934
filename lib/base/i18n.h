/* SPDX-License-Identifier: Apache-2.0 */
/* Marks for gettext. `_()` translates now, `N_()` marks a text of a table for later. Domain:
 * "safeport". */
#ifndef SP_BASE_I18N_H
#define SP_BASE_I18N_H

#include <libintl.h>

#define SP_TEXT_DOMAIN "safeport"
#define _(text) dgettext(SP_TEXT_DOMAIN, text)
#define N_(text) text

#endif
