/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store, and every wrapper around it. */
#include "contract.h"
#include "store/fault.h"
#include "store/memory.h"
#include "store/readonly.h"
#include "store/retry.h"
#include "store/trace.h"

#define NAME "memory:contract"

static int make_memory(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  return sp_memory_new(NAME, out, err);
}

static int make_without_referrers(void *ctx, struct sp_store **out, struct sp_err *err)
{
  if (make_memory(ctx, out, err) < 0)
    return -1;
  sp_memory_set_native_referrers(*out, false);
  return 0;
}

static void ignore(void *ctx, const char *store, const char *operation, const char *subject,
                   enum sp_code code)
{
  (void)ctx;
  (void)store;
  (void)operation;
  (void)subject;
  (void)code;
}

typedef int wrap_take(struct sp_store *inner, struct sp_store **out, struct sp_err *err);

static int wrap_retry(struct sp_store *inner, struct sp_store **out, struct sp_err *err)
{
  return sp_retry_wrap_take(inner, &(struct sp_retry_policy){.retry_for_ms = 1000}, out, err);
}

static int wrap_trace(struct sp_store *inner, struct sp_store **out, struct sp_err *err)
{
  return sp_trace_wrap_take(inner, ignore, NULL, out, err);
}

static int wrap_fault(struct sp_store *inner, struct sp_store **out, struct sp_err *err)
{
  return sp_fault_wrap_take(inner, &(struct sp_fault_plan){.nth = 0}, out, err);
}

/* Wraps a new memory store, innermost first. */
static int wrap_all(wrap_take *const *wraps, size_t n, struct sp_store **out, struct sp_err *err)
{
  SP_AUTO_STORE struct sp_store *store = NULL;
  if (sp_memory_new(NAME, &store, err) < 0)
    return -1;
  for (size_t i = 0; i < n; i++) {
    struct sp_store *outer = NULL;
    if (wraps[i](store, &outer, err) < 0)
      return -1;
    store = outer;
  }
  *out = sp_steal(&store);
  return 0;
}

static int make_retry(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  return wrap_all((wrap_take *const[]){wrap_retry}, 1, out, err);
}

static int make_trace(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  return wrap_all((wrap_take *const[]){wrap_trace}, 1, out, err);
}

static int make_fault(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  return wrap_all((wrap_take *const[]){wrap_fault}, 1, out, err);
}

static int make_readonly(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  return wrap_all((wrap_take *const[]){sp_readonly_wrap_take}, 1, out, err);
}

static int make_stack(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  return wrap_all((wrap_take *const[]){wrap_fault, wrap_retry, wrap_trace}, 3, out, err);
}

/* A wrong wait or a lost wake-up would show as a timeout of the relay: one that fails once each
 * time it is read from, under a wrapper that tries again. */
static int make_flaky(void *ctx, struct sp_store **out, struct sp_err *err)
{
  (void)ctx;
  static const struct sp_fault_plan plan = {
      .nth = 3, .times = 1, .operation = "open_read", .code = SP_E_NETWORK};
  SP_AUTO_STORE struct sp_store *memory = NULL;
  SP_AUTO_STORE struct sp_store *fault = NULL;
  if (sp_memory_new(NAME, &memory, err) < 0 || sp_fault_wrap_take(memory, &plan, &fault, err) < 0)
    return -1;
  memory = NULL; /* taken */
  if (wrap_retry(fault, out, err) < 0)
    return -1;
  fault = NULL;
  return 0;
}

int main(void)
{
  static const struct contract_factory factories[] = {
      {.name = "memory", .make = make_memory},
      {.name = "memory without referrers",
       .cannot = CONTRACT_NO_REFERRERS,
       .make = make_without_referrers},
      {.name = "retry around memory", .make = make_retry},
      {.name = "trace around memory", .make = make_trace},
      {.name = "fault around memory", .make = make_fault},
      {.name = "read-only around memory", .cannot = CONTRACT_NO_WRITES, .make = make_readonly},
      {.name = "trace around retry around fault around memory", .make = make_stack},
      {.name = "retry around a flaky memory", .make = make_flaky},
  };
  return contract_run(factories, sizeof factories / sizeof factories[0]);
}
