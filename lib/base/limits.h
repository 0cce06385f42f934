/* SPDX-License-Identifier: Apache-2.0 */
/* Every ceiling of Safeport, each with its reason. A buffer cannot be made without one. */
#ifndef SP_BASE_LIMITS_H
#define SP_BASE_LIMITS_H

#define SP_KIB 1024u
#define SP_MIB (1024u * 1024u)

/* -- bytes from outside */
#define SP_MAX_MANIFEST_BYTES \
  (4u * SP_MIB) /* distribution-spec: registries must take 4 MiB; 2.8.2 takes no more */
#define SP_MAX_SMALL_BLOB_BYTES \
  (8u * SP_MIB) /* a blob read into memory: an image's config (real ones are under 100 KiB) */
#define SP_MAX_TOKEN_BODY_BYTES (1u * SP_MIB)  /* a token answer; real ones are under 10 KiB */
#define SP_MAX_TOKEN_BYTES (16u * SP_KIB)      /* one bearer token as a header value */
#define SP_MAX_ERROR_BODY_BYTES (64u * SP_KIB) /* an error body; more is cut, not an error */
#define SP_MAX_TAG_PAGE_BYTES (8u * SP_MIB)    /* one page of tags: 2.8.2 sends all tags at once */
#define SP_MAX_HEADER_BYTES (64u * SP_KIB)     /* all headers of one answer */
#define SP_MAX_HEADER_LINES 128                /* lines of one answer */
#define SP_MAX_HEADER_VALUE_BYTES (16u * SP_KIB)
#define SP_MAX_CONFIG_FILE_BYTES (1u * SP_MIB) /* docker's config.json */
#define SP_MAX_HELPER_BYTES (64u * SP_KIB)     /* a credential helper's answer; real ones: 5 KiB */
#define SP_MAX_HELPER_NAME 64                  /* of docker-credential-<name> */
#define SP_MAX_INDEX_JSON_BYTES (64u * SP_MIB) /* index.json of a layout: about 200 000 tags */
#define SP_MAX_URL_BYTES \
  (16u * SP_KIB) /* signed URLs are long; 2.8.2 keeps its upload state there */
#define SP_JSON_FREE_BYTES (4u * SP_MIB) /* memory that any document may take, and */
#define SP_JSON_MOST_TIMES 10         /* times its length on top: a list of short tags takes 10 */
#define SP_MAX_JSON_DEPTH 64          /* nested deeper than any manifest; stops stack abuse */
#define SP_MAX_ARCHIVE_MEMBERS 100000 /* of an archive of images: 10 000 images of 10 layers */
#define SP_MAX_ARCHIVE_NAME 1024      /* bytes of a member's name; real ones have under 100 */
#define SP_MAX_ARCHIVE_IMAGES 10000   /* entries of one manifest.json */
#define SP_MAX_ARCHIVE_INDEX_BYTES (4u * SP_MIB) /* index.json of an archive: 12 000 tags */
#define SP_MAX_ARCHIVE_MANIFESTS_BYTES \
  (64u * SP_MIB) /* read to find the image of an archive: 10 000 images of 6 KiB */
#define SP_MAX_PACK_BYTES \
  (16u * SP_MIB) /* blocks and compressors of one layer; with all else a push stays below 32 MiB \
                  */
#define SP_MAX_REPORT_BYTES (64u * SP_MIB) /* our own --json document */

/* -- what is remembered of archives and engines, a file each; the newest are kept */
#define SP_MAX_LAYER_RECORDS 4096 /* layers that were compressed: of 400 images */
#define SP_MAX_IMAGE_RECORDS 512  /* images of engines: real ones take 2 KiB, none over 4 MiB */

/* -- files of CI systems */
#define SP_MAX_STEP_SUMMARY_BYTES (1u * SP_MIB) /* GitHub drops a larger one */
#define SP_MAX_STEP_OUTPUT_BYTES (1u * SP_MIB)  /* GitHub: of a whole job */

/* -- names (OCI distribution-spec 1.1 "Pulling manifests"; docker's reference grammar) */
#define SP_MAX_HOST 255       /* bytes of host[:port], without the terminator */
#define SP_MAX_REPOSITORY 255 /* bytes of a repository path */
#define SP_MAX_TAG 128        /* bytes of a tag */
#define SP_MAX_MEDIA_TYPE 255 /* RFC 6838: 127 + "/" + 127 */

/* -- what an engine says */
#define SP_MAX_ENGINE_LINE_BYTES (64u * SP_KIB) /* a line of progress or error of an engine */
#define SP_MAX_ENGINE_IMAGE_BYTES \
  (4u * SP_MIB) /* what an engine says about one image: its config */
#define SP_MAX_ENGINE_LIST_BYTES (16u * SP_MIB) /* its list of images, read for "did you mean" */

/* -- graphs */
#define SP_MAX_GRAPH_DEPTH 8     /* index in index in ...; real images use 2 */
#define SP_MAX_GRAPH_NODES 10000 /* manifests of one image with its referrers */
#define SP_MAX_DESCRIPTORS 10000 /* descriptors in one manifest or index */
#define SP_MAX_TAG_PAGES 10000   /* endless pagination */
#define SP_MAX_TAGS 1000000      /* tags of one repository */
#define SP_MAX_CATALOG 1000000   /* repositories that a registry lists, whoever they belong to */
#define SP_MAX_DATED_TAGS \
  1000 /* tags of which one listing asks for the date: up to 4 requests each */

/* -- safeport.yaml and patterns */
#define SP_MAX_YAML_BYTES (4u * SP_MIB) /* 10 000 images take 2 MiB */
#define SP_MAX_YAML_DEPTH 16            /* the deepest key stands at 5 */
#define SP_MAX_YAML_NODES 400000        /* keys and values; 100 bytes of memory each */
#define SP_MAX_COMPLAINTS 50            /* nobody mends more at once */
#define SP_MAX_IMAGES 10000             /* of one file; a namespace is one */
#define SP_MAX_NAMESPACE 100000         /* repositories of a namespace: 100 bytes of memory each */
#define SP_MAX_PATTERNS 100             /* of one list */
#define SP_MAX_PATTERN 256              /* bytes of one pattern; no tag has more than 128 */

/* -- work at once */
#define SP_MAX_WORKERS 64 /* threads that wait for requests */
#define SP_WORKER_STACK_BYTES \
  (256u * SP_KIB) /* workers parse JSON of depth 64 and format messages, nothing deeper */
#define SP_MAX_CONNECTIONS 32  /* per registry */
#define SP_MAX_DESTINATIONS 32 /* of one push */
#define SP_MAX_REDIRECTS 5     /* hops; more is a loop */

/* -- time, in milliseconds */
#define SP_CONNECT_TIMEOUT_MS 10000    /* TCP and TLS */
#define SP_FIRST_BYTE_TIMEOUT_MS 60000 /* from the request's end to the answer's first byte */
#define SP_STALL_TIMEOUT_MS 60000      /* under 1 KiB/s for this long is a stall */
#define SP_STALL_BYTES_PER_S 1024
#define SP_COMMIT_TIMEOUT_MS \
  600000 /* from the last byte of a large upload to 201: the registry may hash 10 GB */
#define SP_HELPER_TIMEOUT_MS 10000   /* a credential helper: keychains answer in milliseconds */
#define SP_RETRY_FOR_MS 15000        /* default of --retry-for */
#define SP_RETRY_AFTER_MAX_MS 300000 /* a longer Retry-After is not waited for */

/* -- uploads that a later run can go on with */
#define SP_RESUMABLE_BYTES \
  (16ull * SP_MIB) /* smaller blobs are sent anew: not worth a transaction for each chunk */

/* -- the journal and the record: what is kept of history, and for how long */
#define SP_MAX_RECORD_BYTES (8u * SP_MIB) /* body of a record artifact: about 36 000 tags */
#define SP_MAX_RECORD_GONE 8000           /* tags in it that are gone: 2 MiB; the newest are kept */
#define SP_MAX_RECORD_ELSEWHERE 512       /* rot in it of other places: 70 KiB; the newest */
#define SP_MAX_RECORD_LEFT 1000 /* digests that tags of one image left: 41 days of hours */
#define SP_MAX_JOURNAL_BYTES \
  (2048LL * SP_MIB) /* the file: 10 000 repositories of 10 tags at three places take a tenth */
#define SP_MAX_JOURNAL_TEXT (16u * SP_KIB) /* one text in it: a message, the URL of an upload */
#define SP_MAX_TOLD 4096                   /* facts told and not yet written: a transaction */
#define SP_DAY_S 86400LL
#define SP_CLOCK_DOUBT_S (7 * SP_DAY_S) /* for which a clock may have been wrong unseen */
#define SP_CLOCK_SKEW_S 60              /* that hosts which keep their clocks right may differ by */
#define SP_KEEP_HISTORY_S (400 * SP_DAY_S)  /* runs, and what no tag names: a year and its audit */
#define SP_KEEP_WRITES_S (90 * SP_DAY_S)    /* every single write, and what came of each image */
#define SP_KEEP_UPLOADS_S (7 * SP_DAY_S)    /* registries purge sessions after a week by default */
#define SP_MAX_KEPT_RUNS 10000              /* the newest: every 15 minutes is 104 days */
#define SP_MAX_KEPT_WRITES 1000000          /* single writes, and as many images of runs */
#define SP_KEEP_MANIFESTS_S (90 * SP_DAY_S) /* manifests that cost pulls, since their last use */
#define SP_MAX_KEPT_MANIFEST_BYTES \
  (256LL * SP_MIB) /* of those in all: some 100 000 manifests of 2.5 KiB */
/* Damaged blobs of one store that are told apart (0.4 MiB for each image at work): with more of
 * them nothing there is believed unread. */
#define SP_MAX_ROT 4096
#define SP_MAX_KEPT_STATES 1000 /* of one tag: one that moves each hour, 41 days */

#endif
