/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "safeport/session.h"

static _Atomic(struct sp_session *) told;
static const int signals[] = {SIGINT, SIGTERM};

static void on_signal(int signal)
{
  struct sp_session *session = atomic_load(&told);
  if (session)
    sp_session_interrupt(session, signal);
}

/* After the first signal the kernel puts the default action back (SA_RESETHAND). */
static void set_handlers(void (*handler)(int))
{
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
    struct sigaction before;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    /* nohup and a shell's `&` leave a signal ignored: that stays so. */
    if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
      sigaction(signals[i], &action, NULL);
  }
}

void interrupt_tell(struct sp_session *session)
{
  atomic_store(&told, session);
  set_handlers(on_signal);
}

void interrupt_forget(void)
{
  set_handlers(SIG_DFL);
  atomic_store(&told, NULL);
}
