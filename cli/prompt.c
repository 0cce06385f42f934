/* SPDX-License-Identifier: Apache-2.0 */
/* While we wait for a line, the signals that would end or stop us are blocked and watched through a
 * descriptor. When one comes, the terminal is put right first, and only then is it let through. */
#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"

#define LINE_MAX_BYTES 4096 /* a terminal cuts what is longer, and says nothing */

/* Bytes on their way into a secret: wiped. */
struct line {
  char bytes[SP_MAX_TOKEN_BYTES + 2];
  size_t len;
};

static void line_clear(struct line *line)
{
  explicit_bzero(line, sizeof *line);
}
SP_DEFINE_AUTO_CLEAR(struct line, line_clear)

bool prompt_is_possible(void)
{
  return isatty(STDIN_FILENO);
}

/* A terminal that is being asked at. */
struct asking {
  struct termios before;
  bool is_changed;
  sigset_t mask_before;
  int signal_fd;
};

static int asking_begin(struct asking *asking, bool echo, struct sp_err *err)
{
  static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
    sigaddset(&set, watched[i]);
  sigprocmask(SIG_BLOCK, &set, &asking->mask_before);
  asking->is_changed = false;
  asking->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
  if (asking->signal_fd < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot watch for signals");
  if (echo)
    return 0;
  if (tcgetattr(STDIN_FILENO, &asking->before) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot set up the terminal");
  struct termios quiet = asking->before;
  quiet.c_lflag &= ~(tcflag_t)ECHO;
  quiet.c_lflag |= ECHONL; /* the end of the line shows */
  asking->is_changed = true;
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot set up the terminal");
  return 0;
}

/* Everything as it was; a signal that waits has its effect in here. */
static void asking_end(struct asking *asking)
{
  if (asking->is_changed)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &asking->before);
  if (asking->signal_fd >= 0)
    close(asking->signal_fd);
  sigprocmask(SIG_SETMASK, &asking->mask_before, NULL);
}

/* Waits for a line; false if a signal came first. */
static bool wait_for_line(const struct asking *asking)
{
  struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                         {.fd = asking->signal_fd, .events = POLLIN}};
  while (poll(fds, 2, -1) < 0 && errno == EINTR)
    ;
  return fds[1].revents == 0;
}

static int read_line(struct line *line, struct sp_err *err)
{
  ssize_t n;
  while ((n = read(STDIN_FILENO, line->bytes, LINE_MAX_BYTES)) < 0 && errno == EINTR)
    ;
  if (n < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot read from the terminal");
  line->len = (size_t)n;
  if (n > 0 && line->bytes[n - 1] == '\n')
    line->len--;
  if (line->len == 0)
    return sp_fail(err, SP_E_USAGE, "nothing was entered");
  if (n >= LINE_MAX_BYTES)
    return sp_fail(err, SP_E_USAGE,
                   "a terminal takes no line as long as that: use --password-stdin");
  return 0;
}

static int ask(const char *question, bool echo, struct line *line, struct sp_err *err)
{
  for (;;) {
    struct asking asking;
    int rc = asking_begin(&asking, echo, err);
    bool is_there = false;
    if (rc == 0) {
      fputs(question, stderr);
      is_there = wait_for_line(&asking);
      rc = is_there ? read_line(line, err) : 0;
    }
    if (!is_there)
      fputc('\n', stderr);
    asking_end(&asking);
    if (rc < 0 || is_there)
      return rc;
  }
}

int prompt_line(const char *question, char *out, size_t out_size, struct sp_err *err)
{
  SP_CLEANUP(line_clear_auto_) struct line line = {.len = 0};
  if (ask(question, true, &line, err) < 0)
    return -1;
  if (line.len >= out_size)
    return sp_fail(err, SP_E_USAGE, "that is too long");
  memcpy(out, line.bytes, line.len);
  out[line.len] = '\0';
  return 0;
}

int prompt_secret(const char *question, struct sp_secret *out, struct sp_err *err)
{
  SP_CLEANUP(line_clear_auto_) struct line line = {.len = 0};
  if (ask(question, false, &line, err) < 0)
    return -1;
  return sp_secret_set(out, SP_SPAN(line.bytes, line.len), err);
}

/* "\n" or "\r\n", once: what `echo` and editors add. */
static struct sp_span without_end(struct sp_span text)
{
  if (text.len > 0 && text.ptr[text.len - 1] == '\n')
    text.len--;
  if (text.len > 0 && text.ptr[text.len - 1] == '\r')
    text.len--;
  return text;
}

int prompt_read_secret(struct sp_secret *out, struct sp_err *err)
{
  SP_CLEANUP(line_clear_auto_) struct line line = {.len = 0};
  ssize_t n;
  do {
    n = read(STDIN_FILENO, line.bytes + line.len, sizeof line.bytes - line.len);
    if (n > 0)
      line.len += (size_t)n;
  } while ((n > 0 && line.len < sizeof line.bytes) || (n < 0 && errno == EINTR));
  if (n < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "--password-stdin: cannot read stdin");
  struct sp_span text = without_end(SP_SPAN(line.bytes, line.len));
  if (text.len == 0)
    return sp_fail(err, SP_E_USAGE,
                   "--password-stdin: stdin is empty: is the secret set where this runs?");
  if (text.len > SP_MAX_TOKEN_BYTES)
    return sp_fail(err, SP_E_USAGE, "--password-stdin: stdin holds more than 16 KiB");
  if (memchr(text.ptr, '\0', text.len))
    return sp_fail(err, SP_E_USAGE, "--password-stdin: stdin holds a zero byte");
  return sp_secret_set(out, text, err);
}
