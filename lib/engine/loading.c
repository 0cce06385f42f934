/* SPDX-License-Identifier: Apache-2.0 */
/* A tar on its way into an engine. The engine may answer before it has all of it: then it failed,
 * whatever the status says, and what it says is the reason. */
#include "base/checked.h"
#include "base/limits.h"
#include "engine/connection.h"
#include "engine/verdict.h"

struct loading {
  struct sp_output base;
  struct sp_engine_call *call;
  uint64_t sent_bytes;
};

/* Reads the lines of an answer. */
static int read_verdict(struct loading *loading, struct sp_err *err)
{
  SP_AUTO_VERDICT struct sp_verdict verdict;
  char chunk[4096];
  size_t got = 1;
  int status;
  struct sp_err why = SP_ERR_INIT;
  sp_verdict_init(&verdict);
  if (sp_engine_call_answer(loading->call, &status, err) < 0)
    return -1;
  if (status != 200)
    return sp_engine_refusal(loading->call, status, err);
  int rc = 0;
  while (rc == 0 && got > 0) {
    rc = sp_engine_call_read(loading->call, chunk, sizeof chunk, &got, &why);
    if (rc == 0)
      rc = sp_verdict_feed(&verdict, chunk, got, &why);
  }
  /* What the engine said counts for more than how it went away afterwards. */
  if (rc == 0 || verdict.error[0])
    return sp_verdict_end(&verdict, err);
  sp_err_copy(err, &why);
  return -1;
}

static int loading_write(struct sp_output *output, const void *bytes, size_t n, struct sp_err *err)
{
  struct loading *loading = (struct loading *)output;
  bool answered;
  if (sp_engine_call_write(loading->call, bytes, n, &answered, err) < 0)
    return sp_err_context(err, "while it took the image");
  if (!sp_add_u64(loading->sent_bytes, n, &loading->sent_bytes))
    return sp_fail(err, SP_E_LIMIT, "the image is larger than can be counted");
  if (!answered)
    return 0;
  if (read_verdict(loading, err) < 0)
    return -1;
  return sp_fail(err, SP_E_PROTOCOL, "the engine stopped reading before the end of the image");
}

static int loading_finish(struct sp_output *output, struct sp_err *err)
{
  struct loading *loading = (struct loading *)output;
  sp_engine_call_end_body(loading->call, sp_engine_patience_ms(loading->sent_bytes));
  return read_verdict(loading, err);
}

static void loading_close(struct sp_output *output)
{
  struct loading *loading = (struct loading *)output;
  sp_engine_call_free(loading->call);
  free(loading);
}

static const struct sp_output_ops ops = {
    .write = loading_write, .finish = loading_finish, .close = loading_close};

int sp_engine_load(struct sp_engine *engine, struct sp_output **out, struct sp_err *err)
{
  char target[64];
  snprintf(target, sizeof target, "/v%s/images/load?quiet=1", engine->version);
  const struct sp_engine_call_order order = {
      .method = "POST", .target = target, .body_type = "application/x-tar"};
  struct loading *loading = calloc(1, sizeof *loading);
  if (!loading)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a stream");
  loading->base.ops = &ops;
  if (sp_engine_call_begin(&engine->link, &order, &loading->call, err) < 0) {
    loading_close(&loading->base);
    return -1;
  }
  *out = &loading->base;
  return 0;
}
