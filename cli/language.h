/* SPDX-License-Identifier: Apache-2.0 */
/* The language of messages: gettext's domain and where its catalogues are. */
#ifndef CLI_LANGUAGE_H
#define CLI_LANGUAGE_H

/* Sets the locale from the environment and binds the catalogues ($SAFEPORT_LOCALEDIR, else the
 * installed ones). Call once, at the start. Numbers keep the form of the C locale. */
void language_begin(void);

#endif
