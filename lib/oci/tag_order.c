/* SPDX-License-Identifier: Apache-2.0 */
/* Both texts are cut into pieces, numbers and words in turn, and the first pieces that differ
 * decide. The end of a text is a piece too: it stands before every word and number but behind a
 * pre-release. */
#include "oci/tag_order.h"

#include <stdbool.h>
#include <string.h>

#include "base/span.h"

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_prerelease(struct sp_span word)
{
  static const char *const words[] = {"alpha", "beta",    "canary", "dev",     "nightly",
                                      "pre",   "preview", "rc",     "snapshot"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (sp_span_eq_str(word, words[i]))
      return true;
  }
  return false;
}

/* In the order in which pieces of different kinds stand. */
enum kind { PRERELEASE, END, WORD, NUMBER };

struct piece {
  enum kind kind;
  struct sp_span text; /* of a number: without leading zeros */
};

/* Cuts the next piece off; separators before it count for nothing. */
static struct piece next_piece(const char **rest)
{
  const char *at = *rest;
  while (*at && !is_digit(*at) && !is_letter(*at))
    at++;
  struct piece piece = {.kind = END, .text = SP_SPAN(at, 0)};
  if (is_digit(*at)) {
    while (*at == '0')
      at++;
    size_t n = 0;
    while (is_digit(at[n]))
      n++;
    piece = (struct piece){.kind = NUMBER, .text = SP_SPAN(at, n)};
  } else if (is_letter(*at)) {
    size_t n = 0;
    while (is_letter(at[n]))
      n++;
    piece = (struct piece){.kind = WORD, .text = SP_SPAN(at, n)};
    if (is_prerelease(piece.text))
      piece.kind = PRERELEASE;
  }
  *rest = at + piece.text.len;
  return piece;
}

static int compare_texts(struct sp_span a, struct sp_span b)
{
  size_t shorter = a.len < b.len ? a.len : b.len;
  int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
  if (order != 0)
    return order;
  return a.len < b.len ? -1 : a.len > b.len;
}

static int compare_pieces(struct piece a, struct piece b)
{
  if (a.kind != b.kind)
    return a.kind < b.kind ? -1 : 1;
  if (a.kind == NUMBER && a.text.len != b.text.len)
    return a.text.len < b.text.len ? -1 : 1;
  return compare_texts(a.text, b.text);
}

/* "v1" is 1. */
static const char *skip_v(const char *tag)
{
  return (tag[0] == 'v' || tag[0] == 'V') && is_digit(tag[1]) ? tag + 1 : tag;
}

int sp_tag_compare_version(const char *a, const char *b)
{
  const char *rest_a = skip_v(a), *rest_b = skip_v(b);
  if (is_digit(*rest_a) != is_digit(*rest_b))
    return is_digit(*rest_a) ? 1 : -1;
  for (;;) {
    struct piece piece_a = next_piece(&rest_a), piece_b = next_piece(&rest_b);
    int order = compare_pieces(piece_a, piece_b);
    if (order != 0)
      return order;
    if (piece_a.kind == END)
      return strcmp(a, b);
  }
}
