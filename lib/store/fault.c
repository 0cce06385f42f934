/* SPDX-License-Identifier: Apache-2.0 */
/* Ends are wrapped too: each pump of a blocking end (or the start of an event-driven one) is a
 * "read" or "write", and finish is a "finish". Their operations count in the same row as those of
 * the store. */
#include "store/fault.h"

#include <stdatomic.h>

#include "store/wrapper.h"

struct fault {
  struct sp_wrapper wrapper; /* first */
  struct sp_fault_plan plan;
  atomic_uint calls;
};

/* Counts the call. Is it one that fails? */
static bool is_hit(struct fault *fault, const char *operation)
{
  const struct sp_fault_plan *plan = &fault->plan;
  if (plan->operation && strcmp(plan->operation, operation) != 0)
    return false;
  unsigned number = atomic_fetch_add(&fault->calls, 1) + 1;
  if (plan->nth == 0 || number < plan->nth)
    return false;
  return plan->times == 0 || number - plan->nth < plan->times;
}

static int hit(const struct fault *fault, const char *operation, struct sp_err *err)
{
  return sp_fail(err, fault->plan.code, "fault injected %s %s",
                 fault->plan.after ? "after" : "before", operation);
}

static int fault_around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  struct fault *fault = (struct fault *)wrapper;
  bool fails = is_hit(fault, call->operation);
  if (fails && !fault->plan.after)
    return hit(fault, call->operation, err);
  if (sp_call_run(call, err) < 0)
    return -1;
  if (!fails)
    return 0;
  sp_call_forget(call);
  return hit(fault, call->operation, err);
}

/* -- readers */

struct faulty_reader {
  struct sp_reader reader; /* first */
  struct sp_reader_ops ops;
  struct sp_reader *inner;
  struct fault *fault;
};

/* Starts or pumps, whichever the reader does. */
static int reader_step(struct sp_reader *reader, struct sp_ring *ring, struct sp_err *err)
{
  struct faulty_reader *faulty = (struct faulty_reader *)reader;
  const struct sp_reader_ops *ops = faulty->inner->ops;
  bool fails = is_hit(faulty->fault, "read");
  if (fails && !faulty->fault->plan.after)
    return hit(faulty->fault, "read", err);
  if ((ops->pump ? ops->pump : ops->start)(faulty->inner, ring, err) < 0)
    return -1;
  return fails ? hit(faulty->fault, "read", err) : 0;
}

static void reader_close(struct sp_reader *reader)
{
  struct faulty_reader *faulty = (struct faulty_reader *)reader;
  faulty->inner->ops->close(faulty->inner);
  free(faulty);
}

static int fault_wrap_reader(struct sp_wrapper *wrapper, struct sp_reader **reader,
                             struct sp_err *err)
{
  struct faulty_reader *faulty = calloc(1, sizeof *faulty);
  if (!faulty)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  faulty->ops.close = reader_close;
  if ((*reader)->ops->pump)
    faulty->ops.pump = reader_step;
  else
    faulty->ops.start = reader_step;
  faulty->reader.ops = &faulty->ops;
  faulty->inner = *reader;
  faulty->fault = (struct fault *)wrapper;
  *reader = &faulty->reader;
  return 0;
}

/* -- writers */

struct faulty_writer {
  struct sp_writer writer; /* first */
  struct sp_writer_ops ops;
  struct sp_writer *inner;
  struct fault *fault;
};

static int writer_start(struct sp_writer *writer, struct sp_ring *ring, size_t consumer,
                        struct sp_err *err)
{
  struct faulty_writer *faulty = (struct faulty_writer *)writer;
  const struct sp_writer_ops *ops = faulty->inner->ops;
  bool fails = !ops->pump && is_hit(faulty->fault, "write");
  if (fails && !faulty->fault->plan.after)
    return hit(faulty->fault, "write", err);
  if (ops->start(faulty->inner, ring, consumer, err) < 0)
    return -1;
  return fails ? hit(faulty->fault, "write", err) : 0;
}

static int writer_pump(struct sp_writer *writer, struct sp_err *err)
{
  struct faulty_writer *faulty = (struct faulty_writer *)writer;
  bool fails = is_hit(faulty->fault, "write");
  if (fails && !faulty->fault->plan.after)
    return hit(faulty->fault, "write", err);
  if (faulty->inner->ops->pump(faulty->inner, err) < 0)
    return -1;
  return fails ? hit(faulty->fault, "write", err) : 0;
}

static int writer_finish(struct sp_writer *writer, struct sp_err *err)
{
  struct faulty_writer *faulty = (struct faulty_writer *)writer;
  bool fails = is_hit(faulty->fault, "finish");
  if (fails && !faulty->fault->plan.after)
    return hit(faulty->fault, "finish", err);
  if (faulty->inner->ops->finish(faulty->inner, err) < 0)
    return -1;
  return fails ? hit(faulty->fault, "finish", err) : 0;
}

static void writer_close(struct sp_writer *writer)
{
  struct faulty_writer *faulty = (struct faulty_writer *)writer;
  faulty->inner->ops->close(faulty->inner);
  free(faulty);
}

static int fault_wrap_writer(struct sp_wrapper *wrapper, const struct sp_digest *digest,
                             struct sp_writer **writer, struct sp_err *err)
{
  (void)digest;
  struct faulty_writer *faulty = calloc(1, sizeof *faulty);
  if (!faulty)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  faulty->ops =
      (struct sp_writer_ops){.start = writer_start, .finish = writer_finish, .close = writer_close};
  if ((*writer)->ops->pump)
    faulty->ops.pump = writer_pump;
  faulty->writer = (struct sp_writer){&faulty->ops, (*writer)->resumed_bytes};
  faulty->inner = *writer;
  faulty->fault = (struct fault *)wrapper;
  *writer = &faulty->writer;
  return 0;
}

/* -- the wrapper */

static void fault_free(struct sp_wrapper *wrapper)
{
  free(wrapper);
}

static const struct sp_wrapper_ops fault_ops = {.around = fault_around,
                                                .wrap_reader = fault_wrap_reader,
                                                .wrap_writer = fault_wrap_writer,
                                                .free = fault_free};

int sp_fault_wrap_take(struct sp_store *inner, const struct sp_fault_plan *plan,
                       struct sp_store **out, struct sp_err *err)
{
  struct fault *fault = calloc(1, sizeof *fault);
  if (!fault)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  fault->plan = *plan;
  sp_wrapper_init(&fault->wrapper, &fault_ops, inner);
  *out = &fault->wrapper.store;
  return 0;
}

unsigned sp_fault_calls(const struct sp_store *store)
{
  return atomic_load(&((const struct fault *)store)->calls);
}
