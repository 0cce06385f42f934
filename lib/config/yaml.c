/* SPDX-License-Identifier: Apache-2.0 */
/* Events build the tree on a stack of open maps and lists; a node is moved into its parent when it
 * is complete. What libyaml says is put into words that tell what to do. */
#include "config/yaml.h"

#include <yaml.h>

#include "base/i18n.h"
#include "base/text.h"

struct builder {
  yaml_parser_t parser;
  struct sp_complaints *complaints;
  struct sp_yaml_node open[SP_MAX_YAML_DEPTH]; /* the root is in 0 */
  size_t depth;
  size_t node_count;
  struct sp_yaml_node *root;
  struct sp_err *err;
};

static void clear_node(struct sp_yaml_node *node)
{
  for (size_t i = 0; i < node->count; i++)
    clear_node(&node->items[i]);
  free(node->items);
  free(node->text);
  *node = (struct sp_yaml_node){0};
}

void sp_yaml_free(struct sp_yaml_node *root)
{
  if (!root)
    return;
  clear_node(root);
  free(root);
}

void sp_yaml_hide(struct sp_yaml_node *node)
{
  node->is_hidden = true;
  for (size_t i = 0; i < node->count; i++)
    sp_yaml_hide(&node->items[i]);
}

struct sp_yaml_node *sp_yaml_get(const struct sp_yaml_node *map, const char *name,
                                 const struct sp_yaml_node **key)
{
  for (size_t i = 0; i + 1 < map->count; i += 2) {
    if (map->items[i].kind != SP_YAML_SCALAR || strcmp(map->items[i].text, name) != 0)
      continue;
    if (key)
      *key = &map->items[i];
    return &map->items[i + 1];
  }
  return NULL;
}

/* -- what libyaml says, in our words */

static const struct {
  const char *said, *text;
} words[] = {
    {"cannot start any token",
     N_("no value begins with this character: put it in quotes, and indent with blanks, not tabs")},
    {"mapping values are not allowed",
     N_("a ':' that is not expected here: quote the value, or look at the indentation")},
    {"block sequence entries are not allowed",
     N_("a '-' that is not expected here: look at the indentation")},
    {"did not find expected key",
     N_("a key is expected here: look at the indentation, of the lines before too")},
    {"did not find expected '-' indicator", N_("an item of the list ('- ') is expected here")},
    {"did not find expected ',' or ']'", N_("',' or ']' is expected here")},
    {"did not find expected ',' or '}'", N_("',' or '}' is expected here")},
    {"could not find expected ':'", N_("a key without its ':'")},
    {"unexpected end of stream", N_("a quote or a bracket is not closed")},
    {"unexpected document indicator", N_("a quote is not closed before '---' or '...'")},
    {"did not find expected <document start>", N_("this does not belong to what is before it")},
    {"unknown escape character", N_("no such escape: write '\\\\', or use single quotes")},
    {"did not find expected alphabetic or numeric",
     N_("a value that begins with '*' or '&' must stand in quotes")},
    {"undefined tag handle", N_("tags ('!...') are not taken: quote the value")},
    {"tab character", N_("indent with blanks, not tabs")},
    {"UTF-8", N_("this is not UTF-8")},
    {"control characters", N_("a control character: write it as an escape, in double quotes")},
};

static const char *in_our_words(const char *said)
{
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strstr(said, words[i].said))
      return _(words[i].text);
  }
  return NULL;
}

/* The reader of characters says only at which byte it stopped. */
static unsigned line_of_byte(struct sp_span yaml, size_t offset)
{
  unsigned line = 1;
  for (size_t i = 0; i < offset && i < yaml.len; i++)
    line += yaml.ptr[i] == '\n';
  return line;
}

static void complain_of_syntax(const struct builder *builder, struct sp_span yaml)
{
  const yaml_parser_t *parser = &builder->parser;
  char said[128];
  sp_text_escape(said, sizeof said, sp_span_str(parser->problem));
  const char *text = in_our_words(said);
  if (!text)
    text = said;
  unsigned line = (unsigned)parser->problem_mark.line + 1;
  unsigned column = (unsigned)parser->problem_mark.column + 1;
  unsigned begin = (unsigned)parser->context_mark.line + 1;
  if (parser->error == YAML_READER_ERROR)
    sp_complaints_add(builder->complaints, line_of_byte(yaml, parser->problem_offset), 1, "%s",
                      text);
  else if (parser->context && begin < line)
    sp_complaints_add(builder->complaints, line, column,
                      _("%s (what is not complete begins in line %u)"), text, begin);
  else
    sp_complaints_add(builder->complaints, line, column, "%s", text);
}

/* -- the tree */

static struct sp_yaml_node node_at(enum sp_yaml_kind kind, const yaml_event_t *event)
{
  return (struct sp_yaml_node){.kind = kind,
                               .line = (unsigned)event->start_mark.line + 1,
                               .column = (unsigned)event->start_mark.column + 1,
                               .end_line = (unsigned)event->end_mark.line + 1,
                               .end_column = (unsigned)event->end_mark.column + 1};
}

static bool is_key_next(const struct sp_yaml_node *parent)
{
  return parent->kind == SP_YAML_MAP && parent->count % 2 == 0;
}

/* Capacities are powers of two, so that nothing has to be remembered. */
static int append(struct sp_yaml_node *parent, const struct sp_yaml_node *node, struct sp_err *err)
{
  bool is_full = (parent->count & (parent->count - 1)) == 0;
  if (is_full) {
    size_t room = parent->count ? 2 * parent->count : 1;
    struct sp_yaml_node *items = reallocarray(parent->items, room, sizeof *items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory for a configuration");
    parent->items = items;
  }
  parent->items[parent->count++] = *node;
  return 0;
}

/* Moves a complete node to where it belongs. */
static int place(struct builder *builder, struct sp_yaml_node *node)
{
  int failed = 0;
  if (builder->depth > 0) {
    struct sp_yaml_node *parent = &builder->open[builder->depth - 1];
    if (is_key_next(parent) && node->kind != SP_YAML_SCALAR && node->kind != SP_YAML_NONE) {
      sp_complaints_add(builder->complaints, node->line, node->column,
                        _("a key must be a plain word"));
      clear_node(node);
    }
    failed = append(parent, node, builder->err);
  } else {
    builder->root = malloc(sizeof *builder->root);
    if (!builder->root)
      failed = sp_fail(builder->err, SP_E_NOMEM, "out of memory for a configuration");
    else
      *builder->root = *node;
  }
  if (failed < 0)
    clear_node(node);
  *node = (struct sp_yaml_node){0};
  return failed;
}

static void complain_of(struct builder *builder, const yaml_event_t *event, const char *text)
{
  sp_complaints_add(builder->complaints, (unsigned)event->start_mark.line + 1,
                    (unsigned)event->start_mark.column + 1, "%s", text);
}

/* Anchors and tags are said, and then left aside. */
static void check_properties(struct builder *builder, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
  if (anchor)
    complain_of(builder, event,
                _("anchors and aliases are not taken: quote a value that begins with '*' or '&'; "
                  "what is shared belongs under 'defaults'"));
  if (tag)
    complain_of(builder, event, _("tags ('!...') are not taken: quote the value"));
}

static int on_scalar(struct builder *builder, const yaml_event_t *event)
{
  struct sp_yaml_node node = node_at(SP_YAML_SCALAR, event);
  struct sp_span text = SP_SPAN((const char *)event->data.scalar.value, event->data.scalar.length);
  check_properties(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
  node.is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (memchr(text.ptr, '\0', text.len)) {
    complain_of(builder, event, _("a value has a zero byte in it"));
    node.kind = SP_YAML_NONE;
  }
  if (sp_text_dup_span(&node.text, text, builder->err) < 0)
    return -1;
  return place(builder, &node);
}

static int on_alias(struct builder *builder, const yaml_event_t *event)
{
  struct sp_yaml_node node = node_at(SP_YAML_NONE, event);
  check_properties(builder, event, event->data.alias.anchor, NULL);
  return place(builder, &node);
}

/* Answers 1 where there is no going on. */
static int on_begin(struct builder *builder, const yaml_event_t *event, enum sp_yaml_kind kind)
{
  bool is_map = kind == SP_YAML_MAP;
  check_properties(builder, event,
                   is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
                   is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag);
  if (builder->depth == SP_MAX_YAML_DEPTH) {
    complain_of(builder, event, _("nested too deeply"));
    return 1;
  }
  builder->open[builder->depth++] = node_at(kind, event);
  return 0;
}

static int by_text(const void *a, const void *b)
{
  const struct sp_yaml_node *x = *(struct sp_yaml_node *const *)a;
  const struct sp_yaml_node *y = *(struct sp_yaml_node *const *)b;
  int order = strcmp(x->text, y->text);
  if (order)
    return order;
  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  return (x->column > y->column) - (x->column < y->column);
}

static int check_duplicates(struct builder *builder, const struct sp_yaml_node *map)
{
  SP_AUTO_FREE struct sp_yaml_node **keys = calloc(map->count / 2 + 1, sizeof(void *));
  if (!keys)
    return sp_fail(builder->err, SP_E_NOMEM, "out of memory for a configuration");
  size_t count = 0;
  for (size_t i = 0; i < map->count; i += 2) {
    if (map->items[i].kind == SP_YAML_SCALAR)
      keys[count++] = &map->items[i];
  }
  qsort(keys, count, sizeof *keys, by_text);
  for (size_t i = 1; i < count; i++) {
    if (strcmp(keys[i - 1]->text, keys[i]->text) != 0)
      continue;
    char shown[128];
    sp_text_escape(shown, sizeof shown, sp_span_str(keys[i]->text));
    sp_yaml_hide(keys[i] + 1); /* its value stands behind it */
    sp_complaints_add(builder->complaints, keys[i]->line, keys[i]->column,
                      _("key '%s' is there twice: first in line %u"), shown, keys[i - 1]->line);
  }
  return 0;
}

static int on_end(struct builder *builder)
{
  struct sp_yaml_node node = builder->open[--builder->depth];
  builder->open[builder->depth] = (struct sp_yaml_node){0};
  if (node.kind == SP_YAML_MAP && check_duplicates(builder, &node) < 0) {
    clear_node(&node);
    return -1;
  }
  return place(builder, &node);
}

/* -1 failed, 1 no going on, 0 next. */
static int on_event(struct builder *builder, const yaml_event_t *event)
{
  switch (event->type) {
  case YAML_SCALAR_EVENT:
    return on_scalar(builder, event);
  case YAML_ALIAS_EVENT:
    return on_alias(builder, event);
  case YAML_SEQUENCE_START_EVENT:
    return on_begin(builder, event, SP_YAML_LIST);
  case YAML_MAPPING_START_EVENT:
    return on_begin(builder, event, SP_YAML_MAP);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    return on_end(builder);
  case YAML_DOCUMENT_START_EVENT:
    if (!builder->root)
      return 0;
    complain_of(builder, event, _("a second document: one file holds one"));
    return 1;
  case YAML_STREAM_END_EVENT:
  case YAML_NO_EVENT:
  case YAML_STREAM_START_EVENT:
  case YAML_DOCUMENT_END_EVENT:
    return 0;
  }
  return 0;
}

/* Answers 0 at the end of the text, 1 where it could not be read to its end, -1 failed. */
static int build(struct builder *builder, struct sp_span yaml)
{
  int state = 0;
  bool is_at_end = false;
  while (state == 0 && !is_at_end) {
    yaml_event_t event;
    if (!yaml_parser_parse(&builder->parser, &event)) {
      if (builder->parser.error == YAML_MEMORY_ERROR)
        return sp_fail(builder->err, SP_E_NOMEM, "out of memory for a configuration");
      complain_of_syntax(builder, yaml);
      return 1;
    }
    is_at_end = event.type == YAML_STREAM_END_EVENT;
    bool is_too_much = ++builder->node_count > SP_MAX_YAML_NODES;
    if (is_too_much)
      complain_of(builder, &event, _("too many values in one file"));
    state = is_too_much ? 1 : on_event(builder, &event);
    yaml_event_delete(&event);
  }
  return state;
}

int sp_yaml_parse(struct sp_span yaml, struct sp_yaml_node **out, struct sp_complaints *complaints,
                  struct sp_err *err)
{
  struct builder *builder = calloc(1, sizeof *builder);
  if (!builder || !yaml_parser_initialize(&builder->parser)) {
    free(builder);
    return sp_fail(err, SP_E_NOMEM, "out of memory for a configuration");
  }
  builder->complaints = complaints;
  builder->err = err;
  if (sp_span_has_prefix(yaml, "\xEF\xBB\xBF"))
    yaml = sp_span_skip(yaml, 3);
  size_t before = complaints->count;
  yaml_parser_set_encoding(&builder->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&builder->parser, (const unsigned char *)(yaml.len ? yaml.ptr : ""),
                               yaml.len);
  int state = build(builder, yaml);
  yaml_parser_delete(&builder->parser);
  while (builder->depth > 0)
    clear_node(&builder->open[--builder->depth]);
  *out = builder->root;
  free(builder);
  if (state != 0) {
    sp_yaml_free(*out);
    *out = NULL;
  }
  if (state < 0)
    return -1;
  if (!*out && complaints->count == before)
    sp_complaints_add(complaints, 1, 1, _("the file is empty: it begins with 'version: 1'"));
  return 0;
}
