/* SPDX-License-Identifier: Apache-2.0 */
/* Why a call to the engine failed, in words that say what to do. Private to engine/. */
#ifndef SP_ENGINE_CALL_FAULT_H
#define SP_ENGINE_CALL_FAULT_H

#include <curl/curl.h>

#include "engine/endpoint.h"

/* All borrowed. */
struct sp_engine_call_fault {
  CURLcode code;
  const char *detail; /* curl's own words, or "" */
  CURL *easy;
  const struct sp_endpoint *endpoint;
  bool refused_address; /* we did not connect: plain TCP, to another host */
  bool answered;        /* the headers of an answer were there */
};

/* Raises it; always answers -1. Codes: see sp_engine_call_answer. */
int sp_engine_call_fault_raise(const struct sp_engine_call_fault *fault, struct sp_err *err);

#endif
