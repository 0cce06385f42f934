/* SPDX-License-Identifier: Apache-2.0 */
/* What the error answers of registries mean and what to do about them: one table, of which error
 * messages, `safeport help errors` and the tests are made. Pure. Threads: any. */
#ifndef SAFEPORT_REMEDY_H
#define SAFEPORT_REMEDY_H

#include <stddef.h>

enum sp_remedy_topic { SP_REMEDY_ACCESS, SP_REMEDY_LIMITS, SP_REMEDY_CONTENT, SP_REMEDY_SERVICE };

struct sp_remedy {
  enum sp_remedy_topic topic;
  const char *host;    /* as in references; NULL = any */
  int status;          /* HTTP; 0 = any */
  const char *text;    /* part of the answer's text, lower case; NULL = any */
  const char *meaning; /* what is wrong; English, marked for translation (domain "safeport") */
  const char *advice;  /* what to do; likewise */
};

/* Row i of the table, NULL behind the last. For an answer the first row that fits counts. */
const struct sp_remedy *sp_remedy_at(size_t i);
/* The row for an answer: host as in references, its HTTP status, its text ("DENIED: denied", may be
 * "", case does not matter). NULL if nothing is known about it. */
const struct sp_remedy *sp_remedy_find(const char *host, int status, const char *text);

#endif
