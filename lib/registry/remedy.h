/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry's error text means and what to do about it: one table (protocol.md 7). Pure. */
#ifndef SP_REGISTRY_REMEDY_H
#define SP_REGISTRY_REMEDY_H

/* The advice for an answer: host as in references, its HTTP status, its text ("DENIED: denied", may
 * be ""). Translated; NULL if there is nothing to say. */
const char *sp_remedy_find(const char *host, int status, const char *text);

#endif
