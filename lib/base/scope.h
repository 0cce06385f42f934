/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup by scope: a local that owns something is declared with its release and handed out with a
 * steal.
 *
 *     SP_AUTO_FREE char *name = sp_strdup(...);
 *     ...
 *     *out = sp_steal(&name);
 *
 * A module with a type of its own declares `SP_DEFINE_AUTO(sp_buf, struct sp_buf, sp_buf_clear)`
 * beside it.
 */
#ifndef SP_BASE_SCOPE_H
#define SP_BASE_SCOPE_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SP_CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void sp_scope_free_(void *p)
{
  free(*(void **)p);
}
static inline void sp_scope_close_(const int *fd)
{
  if (*fd >= 0)
    close(*fd);
}
static inline void sp_scope_unlock_(pthread_mutex_t **m)
{
  if (*m)
    pthread_mutex_unlock(*m);
}
static inline pthread_mutex_t *sp_scope_lock_(pthread_mutex_t *m)
{
  pthread_mutex_lock(m);
  return m;
}

#define SP_AUTO_FREE SP_CLEANUP(sp_scope_free_)
#define SP_AUTO_CLOSE SP_CLEANUP(sp_scope_close_) /* on an int; -1 is nothing */

#define SP_SCOPE_NAME2_(a, b) a##b
#define SP_SCOPE_NAME_(a, b) SP_SCOPE_NAME2_(a, b)
/* Holds a pthread mutex until the block ends. */
#define SP_LOCK_SCOPE(m) \
  SP_CLEANUP(sp_scope_unlock_) \
  __attribute__((unused)) pthread_mutex_t *SP_SCOPE_NAME_(sp_lock_, __LINE__) = sp_scope_lock_(m)

/* Moves a pointer out: the local becomes NULL and its cleanup does nothing. */
#define sp_steal(pp) \
  ({ \
    __typeof__(*(pp)) sp_taken_ = *(pp); \
    *(pp) = NULL; \
    sp_taken_; \
  })
/* The same for a file descriptor. */
#define sp_steal_fd(pfd) \
  ({ \
    int sp_taken_ = *(pfd); \
    *(pfd) = -1; \
    sp_taken_; \
  })

/* For caller-owned structs (`_clear`): SP_AUTO_BUF struct sp_buf b; */
#define SP_DEFINE_AUTO_CLEAR(type, clear) \
  static inline void clear##_auto_(type *p) \
  { \
    clear(p); \
  }
/* For heap objects (`_free`, `_close`): SP_CLEANUP(sp_x_free_auto_) struct sp_x *x; */
#define SP_DEFINE_AUTO_FREE(type, fn) \
  static inline void fn##_auto_(type **p) \
  { \
    fn(*p); \
  }

#endif
