/* SPDX-License-Identifier: Apache-2.0 */
/* The tar of an image on its way out of an engine. An engine that fails in the middle has sent its
 * 200 long ago: it puts a line of JSON behind what it wrote and ends properly. So the last bytes
 * are held back until it is known that they are the end of a tar. */
#include "base/limits.h"
#include "engine/connection.h"
#include "engine/verdict.h"

#define TAIL_BYTES (4u * SP_KIB)
#define HOLD_BYTES (64u * SP_KIB)

struct saved {
  struct sp_input base;
  struct sp_engine_call *call;
  char *held; /* HOLD_BYTES; at[0..len) wait for the reader */
  size_t at, len;
  bool at_end;
};

static int check_tail(const struct saved *saved, struct sp_err *err)
{
  char said[SP_VERDICT_TEXT_MAX];
  size_t n = saved->len < TAIL_BYTES ? saved->len : TAIL_BYTES;
  sp_verdict_find_in_tail(SP_SPAN(saved->held + saved->at + saved->len - n, n), said);
  if (!said[0])
    return 0;
  return sp_fail(err, SP_E_SERVER, "the engine broke off while it sent the image: %s", said);
}

/* Makes more than a tail be held, or all there is. */
static int fill(struct saved *saved, struct sp_err *err)
{
  memmove(saved->held, saved->held + saved->at, saved->len);
  saved->at = 0;
  while (saved->len <= TAIL_BYTES && !saved->at_end) {
    size_t got;
    if (sp_engine_call_read(saved->call, saved->held + saved->len, HOLD_BYTES - saved->len, &got,
                            err) < 0)
      return sp_err_context(err, "while it sent the image");
    saved->len += got;
    saved->at_end = got == 0;
  }
  return saved->at_end ? check_tail(saved, err) : 0;
}

static int saved_read(struct sp_input *input, void *buf, size_t n, size_t *got, struct sp_err *err)
{
  struct saved *saved = (struct saved *)input;
  if (saved->len <= TAIL_BYTES && !saved->at_end && fill(saved, err) < 0)
    return -1;
  size_t ready = saved->at_end ? saved->len : saved->len - TAIL_BYTES;
  *got = n < ready ? n : ready;
  memcpy(buf, saved->held + saved->at, *got);
  saved->at += *got;
  saved->len -= *got;
  return 0;
}

static void saved_close(struct sp_input *input)
{
  struct saved *saved = (struct saved *)input;
  sp_engine_call_free(saved->call);
  free(saved->held);
  free(saved);
}

static const struct sp_input_ops ops = {.read = saved_read, .close = saved_close};

static int begin(struct sp_engine *engine, const struct sp_digest *id, uint64_t size_bytes,
                 struct saved *saved, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  char target[SP_DIGEST_TEXT_MAX + 64];
  sp_digest_format(id, text);
  snprintf(target, sizeof target, "/v%s/images/%s/get", engine->version, text);
  const struct sp_engine_call_order order = {
      .method = "GET", .target = target, .patience_ms = sp_engine_patience_ms(size_bytes)};
  int status;
  if (sp_engine_call_begin(&engine->link, &order, &saved->call, err) < 0 ||
      sp_engine_call_answer(saved->call, &status, err) < 0)
    return -1;
  return status == 200 ? 0 : sp_engine_refusal(saved->call, status, err);
}

int sp_engine_save(struct sp_engine *engine, const struct sp_digest *id, uint64_t size_bytes,
                   struct sp_input **out, struct sp_err *err)
{
  struct saved *saved = calloc(1, sizeof *saved);
  if (!saved)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a stream");
  saved->base.ops = &ops;
  SP_CLEANUP(sp_input_close_auto_) struct sp_input *input = &saved->base;
  saved->held = malloc(HOLD_BYTES);
  if (!saved->held)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a stream");
  if (begin(engine, id, size_bytes, saved, err) < 0)
    return -1;
  *out = sp_steal(&input);
  return 0;
}
