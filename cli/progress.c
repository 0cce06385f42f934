/* SPDX-License-Identifier: Apache-2.0 */
/* One lock around everything: events come from the job's threads, log lines from any. A block is
 * written with one write(2), so that it does not flicker; before anything else is printed it is
 * taken away. */
#include "cli/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/tally.h"
#include "cli/terminal.h"

#define REDRAW_MS 200
#define LINE_EVERY_MS 10000
#define LINES_MAX 20 /* of the block */
#define TEXT_MAX (64u * SP_KIB)

struct progress {
  pthread_mutex_t lock;
  struct progress_settings settings;
  enum progress_many many; /* 0: one image */
  bool is_live;
  bool paused;
  bool ended;
  struct tally tally;
  uint64_t images;                  /* of many: that are done */
  char names[TALLY_PLACES_MAX][64]; /* of the destinations, "" if not known */
  char latest[160];                 /* the latest repetition, for the block */
  int64_t shown_ms;                 /* when something was shown last */
  size_t lines;                     /* of the block on the screen */
};

int progress_new(const struct progress_settings *settings, struct progress **out,
                 struct sp_err *err)
{
  struct progress *progress = calloc(1, sizeof *progress);
  if (!progress)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the progress");
  pthread_mutex_init(&progress->lock, NULL);
  progress->settings = *settings;
  progress->is_live = !settings->quiet && terminal_is_live(STDERR_FILENO);
  progress->tally = TALLY_INIT;
  progress->shown_ms = sp_clock_mono_ms();
  *out = progress;
  return 0;
}

void progress_free(struct progress *progress)
{
  if (!progress)
    return;
  progress_end(progress);
  pthread_mutex_destroy(&progress->lock);
  free(progress);
}

static const char *step_text(enum sp_step step)
{
  static const char *const texts[] = {
      [SP_STEP_SURVEY] = N_("looking at the source and the destinations"),
      [SP_STEP_PLAN] = N_("planning"),
      [SP_STEP_MOVE] = N_("moving blobs"),
      [SP_STEP_PUBLISH] = N_("publishing manifests and tags"),
      [SP_STEP_PROVE] = N_("proving"),
  };
  return (size_t)step < sizeof texts / sizeof texts[0] ? _(texts[step]) : "";
}

#define DURATION_TEXT_MAX 32
static void format_duration(char out[DURATION_TEXT_MAX], int64_t seconds)
{
  if (seconds < 60)
    snprintf(out, DURATION_TEXT_MAX, _("%d s"), (int)seconds);
  else if (seconds < 3600)
    snprintf(out, DURATION_TEXT_MAX, _("%d min %02d s"), (int)(seconds / 60), (int)(seconds % 60));
  else
    snprintf(out, DURATION_TEXT_MAX, _("%d h %02d min"), (int)(seconds / 3600),
             (int)(seconds / 60 % 60));
}

/* Appends; what does not fit is left out: it is only progress. */
static void put(struct sp_buf *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct sp_buf *to, const char *fmt, ...)
{
  char text[512];
  struct sp_err ignored = SP_ERR_INIT;
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (sp_buf_append_str(to, text, &ignored) < 0)
    return;
}

static void print_speed(struct sp_buf *to, const struct tally_rate *rate)
{
  char speed[SP_SIZE_TEXT_MAX];
  sp_text_format_size(speed, (uint64_t)rate->per_s);
  put(to, _(", %s/s"), speed);
}

/* ", 34 MiB/s, 27 s left"; as much of it as is known. */
static void print_rate(struct sp_buf *to, const struct tally_rate *rate, uint64_t left_bytes)
{
  if (!rate->measured)
    return;
  char left[DURATION_TEXT_MAX];
  print_speed(to, rate);
  int64_t seconds = tally_seconds_left(rate, left_bytes);
  if (seconds < 0)
    return;
  format_duration(left, seconds);
  put(to, _(", %s left"), left);
}

/* A verification has no blobs to move: there the plan is what is proven. */
static bool has_numbers(const struct tally *tally, const struct tally_sum *sum)
{
  if (sum->total_blobs == 0)
    return false;
  return tally->step == SP_STEP_MOVE || (tally->step == SP_STEP_PROVE && !tally->has_moved);
}

/* Nobody knows how much there will be: images are looked at one after the other. */
static void print_sum_of_many(struct sp_buf *to, const struct progress *progress)
{
  const struct tally *tally = &progress->tally;
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, tally_moved_bytes(tally));
  if (progress->many == PROGRESS_SENT)
    put(to, _("%llu images done, %llu tags set, %s sent"), (unsigned long long)progress->images,
        (unsigned long long)tally->tags, bytes);
  else
    put(to, _("%llu images done, %llu blobs looked at, %s read"),
        (unsigned long long)progress->images, (unsigned long long)tally->ended_blobs, bytes);
  if (tally->rate.per_s >= 1.0)
    print_speed(to, &tally->rate);
}

static void print_sum(struct sp_buf *to, const struct progress *progress)
{
  const struct tally *tally = &progress->tally;
  if (progress->many) {
    print_sum_of_many(to, progress);
    return;
  }
  struct tally_sum sum = tally_sum(tally);
  unsigned long long done_blobs = sum.done_blobs, total_blobs = sum.total_blobs;
  if (!has_numbers(tally, &sum)) {
    put(to, "%s", step_text(tally->step));
    return;
  }
  if (sum.total_bytes == 0) {
    put(to, _("%s: %llu of %llu blobs"), step_text(tally->step), done_blobs, total_blobs);
    return;
  }
  char done[SP_SIZE_TEXT_MAX], total[SP_SIZE_TEXT_MAX];
  sp_text_format_size(done, sum.done_bytes);
  sp_text_format_size(total, sum.total_bytes);
  unsigned percent = (unsigned)(100.0 * (double)sum.done_bytes / (double)sum.total_bytes);
  put(to,
      tally->step == SP_STEP_MOVE ? _("moved %s of %s (%u %%), %llu of %llu blobs")
                                  : _("read %s of %s (%u %%), %llu of %llu blobs"),
      done, total, percent, done_blobs, total_blobs);
  print_rate(to, &tally->rate, sum.total_bytes - sum.done_bytes);
}

/* The numbers first: what is cut off on a narrow screen is the end of a name. */
static void print_blob(struct sp_buf *to, const struct progress *progress,
                       const struct tally_blob *blob)
{
  char done[SP_SIZE_TEXT_MAX], total[SP_SIZE_TEXT_MAX];
  sp_text_format_size(done, blob->done_bytes);
  sp_text_format_size(total, blob->total_bytes);
  unsigned percent = blob->total_bytes
                         ? (unsigned)(100.0 * (double)blob->done_bytes / (double)blob->total_bytes)
                         : 0;
  put(to, _("  %3u %%  %s of %s"), percent, done, total);
  uint64_t left = blob->total_bytes > blob->done_bytes ? blob->total_bytes - blob->done_bytes : 0;
  print_rate(to, &blob->rate, left);
  put(to, "  %s", blob->digest);
  if (blob->place >= 0 && blob->place < TALLY_PLACES_MAX && progress->names[blob->place][0])
    put(to, " -> %s", progress->names[blob->place]);
}

/* Erases the block by going up over its lines. */
static void print_erase(struct sp_buf *to, const struct progress *progress)
{
  for (size_t i = 0; i < progress->lines; i++)
    put(to, "\033[A\033[2K");
  if (progress->lines > 0)
    put(to, "\r");
}

/* Ends a line of the block: cuts it to the screen, adds it to `to`, empties it. */
static void end_line(struct sp_buf *to, struct sp_buf *line, size_t columns, size_t *lines)
{
  if (line->data)
    terminal_cut(line->data, columns > 1 ? columns - 1 : 1);
  put(to, "%s\n", sp_buf_str(line));
  sp_buf_reset(line);
  (*lines)++;
}

static size_t print_block(struct sp_buf *to, const struct progress *progress)
{
  struct terminal_size size = terminal_get_size(STDERR_FILENO);
  size_t room = size.rows > 2 ? size.rows - 1 : 1;
  if (room > LINES_MAX)
    room = LINES_MAX;
  SP_AUTO_BUF struct sp_buf line;
  sp_buf_init(&line, TEXT_MAX);
  size_t lines = 0;
  print_sum(&line, progress);
  end_line(to, &line, size.columns, &lines);
  for (size_t i = 0; !progress->many && i < TALLY_RUNNING_MAX && lines < room; i++) {
    const struct tally_blob *blob = &progress->tally.running[i];
    if (!blob->is_used || (blob->place < 0 && progress->tally.place_count > 0))
      continue;
    print_blob(&line, progress, blob);
    end_line(to, &line, size.columns, &lines);
  }
  if (progress->latest[0] && lines < room) {
    put(&line, "  %s", progress->latest);
    end_line(to, &line, size.columns, &lines);
  }
  return lines;
}

static void write_out(struct sp_span text)
{
  while (text.len > 0) {
    ssize_t n = write(STDERR_FILENO, text.ptr, text.len);
    if (n <= 0)
      return; /* progress nobody can see is no failure */
    text = sp_span_skip(text, (size_t)n);
  }
}

/* Replaces what is on the screen: an optional line that stays, then the block (if there is to be
 * one). Called with the lock held. */
static void show(struct progress *progress, const char *line, bool block)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, TEXT_MAX);
  print_erase(&text, progress);
  if (line && !progress->is_live)
    ci_section_begin(progress->settings.command);
  if (line) {
    put(&text, "safeport: ");
    struct sp_err ignored = SP_ERR_INIT;
    if (sp_buf_append_str(&text, line, &ignored) < 0)
      sp_buf_reset(&text);
    put(&text, "\n");
  }
  progress->lines = block ? print_block(&text, progress) : 0;
  write_out(sp_buf_span(&text));
}

/* The line of a log that is no terminal. */
static void show_sum(struct progress *progress)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, TEXT_MAX);
  print_sum(&text, progress);
  show(progress, sp_buf_str(&text), false);
}

static void refresh(struct progress *progress, int64_t now_ms)
{
  int64_t every_ms = progress->is_live ? REDRAW_MS : LINE_EVERY_MS;
  if (progress->paused || now_ms - progress->shown_ms < every_ms)
    return;
  progress->shown_ms = now_ms;
  if (progress->is_live)
    show(progress, NULL, true);
  else
    show_sum(progress);
}

/* A text of the job that is worth a line of its own, or (repetitions) one of the block. */
static void take_text(struct progress *progress, const struct sp_event *event)
{
  if (!event->text)
    return;
  char shown[sizeof progress->latest];
  sp_text_escape(shown, sizeof shown, sp_span_str(event->text));
  if (event->kind == SP_EVENT_RETRY)
    memcpy(progress->latest, shown, sizeof shown);
  if (progress->settings.verbose)
    show(progress, shown, progress->is_live && !progress->paused);
}

static void take_name(struct progress *progress, const struct sp_event *event)
{
  if (event->text && event->destination >= 0 && event->destination < TALLY_PLACES_MAX)
    sp_text_escape(progress->names[event->destination], sizeof progress->names[0],
                   sp_span_str(event->text));
}

void progress_event(void *ctx, const struct sp_event *event)
{
  struct progress *progress = ctx;
  if (progress->settings.quiet)
    return;
  SP_LOCK_SCOPE(&progress->lock);
  if (progress->ended)
    return;
  int64_t now_ms = sp_clock_mono_ms();
  tally_add(&progress->tally, event, now_ms);
  tally_measure(&progress->tally, now_ms);
  if (event->kind == SP_EVENT_PLAN)
    take_name(progress, event);
  if (event->kind == SP_EVENT_RETRY || event->kind == SP_EVENT_NOTE)
    take_text(progress, event);
  refresh(progress, now_ms);
}

void progress_log(void *ctx, int level, const char *line)
{
  struct progress *progress = ctx;
  if (level == 0 && ci_system() == CI_GITHUB) {
    SP_LOCK_SCOPE(&progress->lock);
    ci_print_warning(line);
    return;
  }
  char shown[4096];
  sp_text_escape(shown, sizeof shown, sp_span_str(line));
  SP_LOCK_SCOPE(&progress->lock);
  show(progress, shown, progress->is_live && !progress->ended && !progress->paused);
}

void progress_of_many(struct progress *progress, enum progress_many many)
{
  SP_LOCK_SCOPE(&progress->lock);
  progress->many = many;
}

void progress_pause(struct progress *progress)
{
  SP_LOCK_SCOPE(&progress->lock);
  if (progress->lines > 0)
    show(progress, NULL, false);
  progress->paused = true;
  ci_section_end();
}

void progress_resume(struct progress *progress, size_t images_done)
{
  SP_LOCK_SCOPE(&progress->lock);
  progress->images += images_done;
  if (progress->paused && progress->is_live)
    progress->shown_ms = 0; /* the block is due: it was taken away */
  progress->paused = false;
  if (!progress->settings.quiet)
    refresh(progress, sp_clock_mono_ms());
}

void progress_end(struct progress *progress)
{
  SP_LOCK_SCOPE(&progress->lock);
  if (progress->lines > 0)
    show(progress, NULL, false);
  progress->ended = true;
  ci_section_end();
}
