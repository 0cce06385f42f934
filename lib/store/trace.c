/* SPDX-License-Identifier: Apache-2.0 */
#include "store/trace.h"

#include "store/wrapper.h"

struct trace {
  struct sp_wrapper wrapper; /* first */
  sp_trace_listener *listener;
  void *ctx;
  pthread_mutex_t lock; /* the listener hears one at a time */
};

static void tell(struct trace *trace, const char *operation, const char *subject, int rc,
                 const struct sp_err *err)
{
  SP_LOCK_SCOPE(&trace->lock);
  trace->listener(trace->ctx, trace->wrapper.store.name, operation, subject,
                  rc == 0 ? SP_OK : err->code);
}

static int trace_around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  int rc = sp_call_run(call, err);
  tell((struct trace *)wrapper, call->operation, call->subject, rc, err);
  return rc;
}

/* A blob is there when its writer was finished, so that is told as well. */
struct traced_writer {
  struct sp_writer writer; /* first */
  struct sp_writer_ops ops;
  struct sp_writer *inner;
  struct trace *trace;
  char subject[SP_DIGEST_TEXT_MAX];
};

static int writer_start(struct sp_writer *writer, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  struct sp_writer *inner = ((struct traced_writer *)writer)->inner;
  return inner->ops->start(inner, ring, consumer, err);
}

static int writer_pump(struct sp_writer *writer, struct sp_err *err)
{
  struct sp_writer *inner = ((struct traced_writer *)writer)->inner;
  return inner->ops->pump(inner, err);
}

static int writer_finish(struct sp_writer *writer, struct sp_err *err)
{
  struct traced_writer *traced = (struct traced_writer *)writer;
  int rc = traced->inner->ops->finish(traced->inner, err);
  tell(traced->trace, "finish", traced->subject, rc, err);
  return rc;
}

static void writer_close(struct sp_writer *writer)
{
  struct traced_writer *traced = (struct traced_writer *)writer;
  traced->inner->ops->close(traced->inner);
  free(traced);
}

static int trace_wrap_writer(struct sp_wrapper *wrapper, const struct sp_digest *digest,
                             struct sp_writer **writer, struct sp_err *err)
{
  struct traced_writer *traced = calloc(1, sizeof *traced);
  if (!traced)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  traced->ops =
      (struct sp_writer_ops){.start = writer_start, .finish = writer_finish, .close = writer_close};
  if ((*writer)->ops->pump)
    traced->ops.pump = writer_pump;
  traced->writer = (struct sp_writer){&traced->ops, (*writer)->resumed_bytes};
  traced->inner = *writer;
  traced->trace = (struct trace *)wrapper;
  sp_digest_format(digest, traced->subject);
  *writer = &traced->writer;
  return 0;
}

static void trace_free(struct sp_wrapper *wrapper)
{
  struct trace *trace = (struct trace *)wrapper;
  pthread_mutex_destroy(&trace->lock);
  free(trace);
}

static const struct sp_wrapper_ops trace_ops = {
    .around = trace_around, .wrap_writer = trace_wrap_writer, .free = trace_free};

int sp_trace_wrap_take(struct sp_store *inner, sp_trace_listener *listener, void *ctx,
                       struct sp_store **out, struct sp_err *err)
{
  struct trace *trace = calloc(1, sizeof *trace);
  if (!trace)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  pthread_mutex_init(&trace->lock, NULL);
  trace->listener = listener;
  trace->ctx = ctx;
  sp_wrapper_init(&trace->wrapper, &trace_ops, inner);
  *out = &trace->wrapper.store;
  return 0;
}
