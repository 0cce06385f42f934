/* SPDX-License-Identifier: Apache-2.0 */
/* What all wrappers share: a store whose every operation passes one function, which decides whether
 * and how often it is done on the store inside (retry, read-only, trace, fault).
 *
 * A wrapper embeds struct sp_wrapper first, fills a static struct sp_wrapper_ops and calls
 * sp_wrapper_init. It takes the inner store and closes it. The inner operation is called below the
 * doors of store/store.h, so that an error is explained once, by the outermost store.
 *
 * Threads: sp_wrapper_ops are called from several threads at once.
 */
#ifndef SP_STORE_WRAPPER_H
#define SP_STORE_WRAPPER_H

#include "store/store.h"

struct sp_wrapper;

/* One operation on its way through. Lives on the caller's stack. */
struct sp_call {
  const char *operation;            /* the slot's name: "put_manifest" */
  bool writes;                      /* would change the store */
  char subject[SP_DIGEST_TEXT_MAX]; /* the tag or digest that it is about; may be "" */
  struct sp_store *inner_;
  int (*run_)(struct sp_call *call, struct sp_err *err);
  void *args_;
  size_t *done_; /* of set_tags; NULL else */
};

/* Does the operation on the inner store. May be called again after it failed: what an earlier try
 * left in the answer is dropped, and set_tags goes on behind the tags that were set. */
SP_MUST_CHECK int sp_call_run(struct sp_call *call, struct sp_err *err);

/* Makes an answer of sp_call_run lost: nobody is to know which tags were set. */
void sp_call_forget(struct sp_call *call);

struct sp_wrapper_ops {
  /* Answers the operation, by sp_call_run or without. Must leave err untouched on success. */
  int (*around)(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err);
  /* NULL: ends pass as they are. Each may put an end of its own around *reader / *writer (owned);
   * on failure *reader is closed by the caller. */
  int (*wrap_reader)(struct sp_wrapper *wrapper, struct sp_reader **reader, struct sp_err *err);
  int (*wrap_writer)(struct sp_wrapper *wrapper, const struct sp_digest *digest,
                     struct sp_writer **writer, struct sp_err *err);
  /* Frees the wrapper itself; what is inside is closed already. */
  void (*free)(struct sp_wrapper *wrapper);
};

struct sp_wrapper {
  struct sp_store store; /* first */
  const struct sp_wrapper_ops *ops;
};

/* A writer around another, whose finish is its own. Embedded first in a struct on the heap, which
 * its close frees, with what is inside. */
struct sp_outer_writer {
  struct sp_writer writer; /* first */
  struct sp_writer_ops ops;
  struct sp_writer *inner;
};
/* Puts it around inner (owned from now on). finish calls inner->ops->finish. */
void sp_outer_writer_init(struct sp_outer_writer *outer, struct sp_writer *inner,
                          int (*finish)(struct sp_writer *writer, struct sp_err *err));

/* Makes the wrapper a store around inner (owned from now on). */
void sp_wrapper_init(struct sp_wrapper *wrapper, const struct sp_wrapper_ops *ops,
                     struct sp_store *inner);

#endif
