/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an archive that is read (archive.h); nobody outside this layer includes it.
 *
 * An archive is resolved once, on first use, under the lock: source_docker.h or source_index.h find
 * the image's root and note in `blobs` what of it is not simply a member blobs/<alg>/<hex>. The
 * list of referrers is made when it is first asked for.
 */
#ifndef SP_ARCHIVE_SOURCE_H
#define SP_ARCHIVE_SOURCE_H

#include <pthread.h>

#include "archive/archive.h"
#include "archive/tar_file.h"
#include "layout/index_view.h"
#include "oci/manifest.h"

/* Where the bytes of a digest are. */
struct sp_source_blob {
  struct sp_digest digest;
  uint64_t size_bytes;
  enum {
    SP_SOURCE_MADE,   /* in memory: a manifest of ours */
    SP_SOURCE_MEMBER, /* a stretch of the archive */
    SP_SOURCE_PACKED, /* a stretch of the spool's file */
    SP_SOURCE_KNOWN,  /* to be compressed from `member`, should anybody want it: what will come out
                         is  remembered (layer_record.h) */
  } kind;
  struct sp_buf bytes;                /* MADE; owned */
  uint64_t begin;                     /* MEMBER, PACKED */
  const struct sp_tar_member *member; /* of layers: what it comes from; borrowed from the index */
  struct sp_digest diff_id;           /* of layers; else alg NONE */
  const char *media_type;             /* static; of layers */
};

/* An entry of index.json that refers to something. */
struct sp_source_referrer {
  size_t entry;
  struct sp_digest subject;
};

struct sp_source {
  struct sp_store store; /* first */
  char *name;
  struct sp_archive_settings settings;
  struct sp_tar_file tar;
  pthread_mutex_t lock; /* guards what follows until is_ready, and blobs for ever */
  bool is_ready;
  struct sp_named root;
  struct sp_tag_page tags;    /* of the root */
  struct sp_index_view index; /* of an archive with index.json */
  bool has_index;
  struct sp_tag_page all_tags;   /* of the index, sorted: most that are asked for are not there */
  struct sp_source_known *known; /* source_manifest.h */
  uint64_t manifest_bytes;       /* that were read to know them */
  struct sp_source_referrer *referrers;
  size_t referrer_count;
  bool has_referrers;     /* the list was made */
  struct sp_spool *spool; /* NULL until something needs it */
  int packed_fd;          /* compressed layers one behind the other; -1 until there is one */
  uint64_t packed_bytes;
  char compressor_id[SP_COMPRESSION_ID_MAX];
  struct sp_source_blob *blobs;
  size_t blob_count, blob_cap;
};

/* Adds what blob says (its bytes are moved) unless the digest is there. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_source_add_take(struct sp_source *source, struct sp_source_blob *blob,
                                     struct sp_err *err);
/* What is known of a digest; false if the archive does not have it. Copies: bytes are borrowed. */
bool sp_source_find(const struct sp_source *source, const struct sp_digest *digest,
                    struct sp_source_blob *out);
/* Appends the bytes of a digest, at most SP_MAX_MANIFEST_BYTES, hashed.
 * Fails: SP_E_NOT_FOUND, SP_E_LIMIT, SP_E_DIGEST, SP_E_IO. */
SP_MUST_CHECK int sp_source_read(const struct sp_source *source, const struct sp_digest *digest,
                                 struct sp_buf *out, struct sp_err *err);

#endif
