/* SPDX-License-Identifier: Apache-2.0 */
/* A short run of another program: a few bytes in, a bounded answer out, an end in sight.
 *
 * No shell. stderr goes nowhere. The program inherits the environment, and no descriptor but its
 * three; it gets a process group of its own, which is killed as a whole when the run is over,
 * however it ended: nothing that it started outlives the call (unless it made itself a daemon).
 *
 * Threads: any.
 */
#ifndef SP_BASE_PROCESS_H
#define SP_BASE_PROCESS_H

#include "base/cancel.h"
#include "base/span.h"

struct sp_process {
  const char *const *argv;        /* NULL-terminated; argv[0] is looked for in PATH. borrowed */
  struct sp_span input;           /* all of its stdin, 64 KiB at most. borrowed */
  int64_t timeout_ms;             /* it is killed after that */
  const struct sp_cancel *cancel; /* borrowed; may be NULL */
};

enum sp_process_end {
  SP_PROCESS_EXITED,    /* number: its exit status */
  SP_PROCESS_SIGNALLED, /* number: the signal that ended it */
  SP_PROCESS_TIMED_OUT, /* it was killed */
  SP_PROCESS_FLOODED,   /* it wrote more than fits, and was killed */
};

struct sp_process_result {
  enum sp_process_end end;
  int number;
  size_t length; /* bytes of `answer` that it wrote to stdout */
};

/* Runs it to its end. `answer` (size bytes, the caller's) receives its stdout: memory of the
 * caller's choice, because it may be a secret. 0 for any end.
 * Fails: SP_E_NOT_FOUND (no such program); SP_E_IO (it cannot be run); SP_E_INTERRUPTED. */
SP_MUST_CHECK int sp_process_run(const struct sp_process *process, char *answer, size_t size,
                                 struct sp_process_result *result, struct sp_err *err);

#endif
