/* SPDX-License-Identifier: Apache-2.0 */
/* Commands reach the loop through an inbox: a list of tasks, each at most once, with what is wanted
 * of it as bits. So a command is never lost, never doubled, and takes no memory. The loop takes one
 * task at a time out of the inbox under the lock; a task that is over is passed by, and leaves the
 * inbox for good in sp_loop_wait_end.
 *
 * curl_easy_pause is called on the loop's thread alone, and never from within a callback of curl.
 * Finished transfers are collected between perform and poll, or they would wait a whole poll. */
#include "http/loop.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/scope.h"

#define WANT_START 1u
#define WANT_UNPAUSE 2u
#define WANT_CANCEL 4u
#define IDLE_POLL_MS 60000 /* nothing runs: wakeup ends the poll earlier */
#define CONNECTIONS_KEPT 64L

struct sp_loop {
  pthread_mutex_t lock;
  struct sp_loop_task *inbox, **inbox_end;
  pthread_t thread;
  bool has_thread, stop;
  CURLM *multi;
  struct sp_loop_settings settings;

  /* of the thread alone */
  struct sp_loop_task *running;
  int64_t next_tick_ms;
  int wake_fd; /* -1 once it was readable */
};

int sp_loop_new(const struct sp_loop_settings *settings, struct sp_loop **out, struct sp_err *err)
{
  struct sp_loop *loop = calloc(1, sizeof *loop);
  if (!loop)
    return sp_fail(err, SP_E_NOMEM, "cannot make an I/O loop: out of memory");
  pthread_mutex_init(&loop->lock, NULL);
  loop->inbox_end = &loop->inbox;
  loop->settings = *settings;
  loop->wake_fd = settings->wake_fd;
  *out = loop;
  return 0;
}

/* -- the thread */

/* Takes the next task with its wishes out of the inbox; NULL if there is none that lives. */
static struct sp_loop_task *take(struct sp_loop *loop, unsigned *wants, bool *stop)
{
  SP_LOCK_SCOPE(&loop->lock);
  *stop = loop->stop;
  for (struct sp_loop_task *task = loop->inbox; task; task = loop->inbox) {
    loop->inbox = task->next_queued;
    if (!loop->inbox)
      loop->inbox_end = &loop->inbox;
    task->queued = false;
    *wants = task->wants;
    task->wants = 0;
    if (!task->over)
      return task;
  }
  return NULL;
}

static void finish(struct sp_loop *loop, struct sp_loop_task *task, CURLcode code)
{
  curl_multi_remove_handle(loop->multi, task->easy);
  if (task->prev)
    task->prev->next = task->next;
  else
    loop->running = task->next;
  if (task->next)
    task->next->prev = task->prev;
  task->ended(task, code);
  SP_LOCK_SCOPE(&loop->lock);
  task->over = true;
  pthread_cond_broadcast(&task->changed);
}

/* Answers false if that was its end. */
static bool start(struct sp_loop *loop, struct sp_loop_task *task)
{
  task->prev = NULL;
  task->next = loop->running;
  if (task->next)
    task->next->prev = task;
  loop->running = task;
  curl_easy_setopt(task->easy, CURLOPT_PRIVATE, task);
  if (curl_multi_add_handle(loop->multi, task->easy) == CURLM_OK)
    return true;
  finish(loop, task, CURLE_OUT_OF_MEMORY);
  return false;
}

static void obey(struct sp_loop *loop, struct sp_loop_task *task, unsigned wants)
{
  if (wants & WANT_START && !start(loop, task))
    return; /* its owner may have freed it */
  if (wants & WANT_CANCEL) {
    finish(loop, task, CURLE_ABORTED_BY_CALLBACK);
    return;
  }
  if (wants & WANT_UNPAUSE && task->resume(task)) {
    CURLcode code = curl_easy_pause(task->easy, CURLPAUSE_CONT);
    if (code != CURLE_OK)
      finish(loop, task, code);
  }
}

/* Answers false when the loop is to end. */
static bool read_inbox(struct sp_loop *loop)
{
  unsigned wants;
  bool stop;
  for (;;) {
    struct sp_loop_task *task = take(loop, &wants, &stop);
    if (!task)
      return !stop;
    obey(loop, task, wants);
  }
}

static void collect(struct sp_loop *loop)
{
  int left;
  for (CURLMsg *msg = curl_multi_info_read(loop->multi, &left); msg;
       msg = curl_multi_info_read(loop->multi, &left)) {
    struct sp_loop_task *task = NULL;
    CURLcode code = msg->data.result;
    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &task);
    if (msg->msg == CURLMSG_DONE && task)
      finish(loop, task, code);
  }
}

static void watch_all(struct sp_loop *loop, int64_t now)
{
  struct sp_loop_task *next;
  for (struct sp_loop_task *task = loop->running; task; task = next) {
    next = task->next;
    if (!task->watch(task, now))
      finish(loop, task, CURLE_ABORTED_BY_CALLBACK);
  }
  loop->next_tick_ms = now + loop->settings.tick_ms;
}

static bool has_commands(struct sp_loop *loop)
{
  SP_LOCK_SCOPE(&loop->lock);
  return loop->inbox != NULL;
}

static void wait_for_work(struct sp_loop *loop)
{
  if (has_commands(loop))
    return;
  struct curl_waitfd extra = {.fd = loop->wake_fd, .events = CURL_WAIT_POLLIN};
  int64_t ms = loop->running ? loop->next_tick_ms - sp_clock_mono_ms() : IDLE_POLL_MS;
  curl_multi_poll(loop->multi, &extra, loop->wake_fd >= 0 ? 1 : 0, ms > 0 ? (int)ms : 0, NULL);
  if (loop->wake_fd >= 0 && extra.revents) {
    loop->wake_fd = -1; /* it stays readable: once is enough */
    loop->next_tick_ms = 0;
  }
}

static void *run(void *ctx)
{
  struct sp_loop *loop = ctx;
  int active;
  while (read_inbox(loop)) {
    curl_multi_perform(loop->multi, &active);
    collect(loop);
    int64_t now = sp_clock_mono_ms();
    if (now >= loop->next_tick_ms)
      watch_all(loop, now);
    wait_for_work(loop);
  }
  return NULL;
}

/* -- outside */

/* With the lock held. */
static int begin(struct sp_loop *loop, struct sp_err *err)
{
  if (loop->has_thread)
    return 0;
  if (!loop->multi)
    loop->multi = curl_multi_init();
  if (!loop->multi)
    return sp_fail(err, SP_E_NOMEM, "cannot make an I/O loop: out of memory");
  /* Without descriptors to spare there is no wake-up: requests would wait for the end of a poll. */
  if (curl_multi_wakeup(loop->multi) != CURLM_OK) {
    curl_multi_cleanup(loop->multi);
    loop->multi = NULL;
    return sp_fail(err, SP_E_IO, "cannot make an I/O loop: too few file descriptors");
  }
  curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING,
                    loop->settings.http2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING);
  curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
  if (sp_pool_thread(run, loop, &loop->thread, err) != 0)
    return -1;
  loop->has_thread = true;
  return 0;
}

/* With the lock held. */
static void post(struct sp_loop *loop, struct sp_loop_task *task, unsigned want)
{
  task->wants |= want;
  if (task->queued)
    return;
  bool was_empty = !loop->inbox;
  task->queued = true;
  task->next_queued = NULL;
  *loop->inbox_end = task;
  loop->inbox_end = &task->next_queued;
  if (was_empty && !pthread_equal(pthread_self(), loop->thread))
    curl_multi_wakeup(loop->multi); /* its own thread looks into the inbox before it waits */
}

int sp_loop_submit(struct sp_loop *loop, struct sp_loop_task *task, struct sp_err *err)
{
  SP_LOCK_SCOPE(&loop->lock);
  if (begin(loop, err) != 0)
    return -1;
  task->wants = 0;
  task->queued = task->announced = task->over = false;
  pthread_cond_init(&task->changed, NULL);
  post(loop, task, WANT_START);
  return 0;
}

static void post_if_alive(struct sp_loop *loop, struct sp_loop_task *task, unsigned want)
{
  SP_LOCK_SCOPE(&loop->lock);
  if (!task->over)
    post(loop, task, want);
}

void sp_loop_unpause(struct sp_loop *loop, struct sp_loop_task *task)
{
  post_if_alive(loop, task, WANT_UNPAUSE);
}

void sp_loop_cancel(struct sp_loop *loop, struct sp_loop_task *task)
{
  post_if_alive(loop, task, WANT_CANCEL);
}

void sp_loop_announce(struct sp_loop *loop, struct sp_loop_task *task)
{
  SP_LOCK_SCOPE(&loop->lock);
  task->announced = true;
  pthread_cond_broadcast(&task->changed);
}

void sp_loop_wait_news(struct sp_loop *loop, struct sp_loop_task *task)
{
  SP_LOCK_SCOPE(&loop->lock);
  while (!task->announced && !task->over)
    pthread_cond_wait(&task->changed, &loop->lock);
}

/* With the lock held. */
static void leave_inbox(struct sp_loop *loop, struct sp_loop_task *task)
{
  if (!task->queued)
    return;
  struct sp_loop_task **at = &loop->inbox;
  while (*at != task)
    at = &(*at)->next_queued;
  *at = task->next_queued;
  if (loop->inbox_end == &task->next_queued)
    loop->inbox_end = at;
  task->queued = false;
}

void sp_loop_wait_end(struct sp_loop *loop, struct sp_loop_task *task)
{
  SP_LOCK_SCOPE(&loop->lock);
  while (!task->over)
    pthread_cond_wait(&task->changed, &loop->lock);
  leave_inbox(loop, task);
}

void sp_loop_free(struct sp_loop *loop)
{
  if (!loop)
    return;
  if (loop->has_thread) {
    pthread_mutex_lock(&loop->lock);
    loop->stop = true;
    curl_multi_wakeup(loop->multi);
    pthread_mutex_unlock(&loop->lock);
    pthread_join(loop->thread, NULL);
  }
  if (loop->multi)
    curl_multi_cleanup(loop->multi);
  pthread_mutex_destroy(&loop->lock);
  free(loop);
}
