/* SPDX-License-Identifier: Apache-2.0 */
/* One thread that owns one multi handle of libcurl: tasks are handed in, run there, and are waited
 * for here. It knows nothing of requests (http/exchange.h makes tasks of them).
 *
 * Life cycle: sp_loop_new; the thread starts with the first task; sp_loop_free after all tasks have
 * ended. A task belongs to the loop from sp_loop_submit until it has ended; its memory must stay
 * until sp_loop_wait_end has returned.
 *
 * Threads: every function from any thread, but none from within a callback of a task, except
 * sp_loop_unpause and sp_loop_announce. Callbacks run on the loop's thread, one at a time.
 */
#ifndef SP_HTTP_LOOP_H
#define SP_HTTP_LOOP_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "safeport/err.h"

struct sp_loop;

struct sp_loop_task {
  CURL *easy; /* set up by the caller; borrowed */
  /* The transfer is over (CURLE_ABORTED_BY_CALLBACK if it was cancelled or given up by `watch`);
   * last thing called. */
  void (*ended)(struct sp_loop_task *task, CURLcode code);
  /* It may go on after a pause: false if it is not paused at all (curl is left alone then). */
  bool (*resume)(struct sp_loop_task *task);
  /* Once a tick: false gives the task up. */
  bool (*watch)(struct sp_loop_task *task, int64_t now_ms);

  /* the loop's own */
  pthread_cond_t changed;
  struct sp_loop_task *next_queued;
  struct sp_loop_task *next, *prev; /* of those that run */
  unsigned wants;
  bool queued, announced, over;
};

struct sp_loop_settings {
  bool http2;      /* several requests over one connection; never for bodies that pause */
  int64_t tick_ms; /* how often `watch` is called */
  int wake_fd;     /* when it becomes readable, all tasks are watched at once; -1: none */
};

SP_MUST_CHECK int sp_loop_new(const struct sp_loop_settings *settings, struct sp_loop **out,
                              struct sp_err *err);
/* Stops and joins the thread. All tasks must have ended. NULL is nothing. */
void sp_loop_free(struct sp_loop *loop);

/* Hands a task over. Fails: SP_E_NOMEM (no thread, no multi handle); the task is not taken then. */
SP_MUST_CHECK int sp_loop_submit(struct sp_loop *loop, struct sp_loop_task *task,
                                 struct sp_err *err);
/* Makes a paused transfer go on; nothing if it is not paused or over. Safe as a ring's waker. */
void sp_loop_unpause(struct sp_loop *loop, struct sp_loop_task *task);
/* Ends a task early; nothing if it is over. Does not wait. */
void sp_loop_cancel(struct sp_loop *loop, struct sp_loop_task *task);
/* From a callback: there is news for sp_loop_wait_news. */
void sp_loop_announce(struct sp_loop *loop, struct sp_loop_task *task);
/* Waits until the task has announced news or has ended. */
void sp_loop_wait_news(struct sp_loop *loop, struct sp_loop_task *task);
/* Waits until the task has ended; the loop does not touch it any more. */
void sp_loop_wait_end(struct sp_loop *loop, struct sp_loop_task *task);

#endif
