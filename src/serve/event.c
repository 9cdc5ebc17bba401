/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of JSON. See event.h. */
#include "serve/event.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/time.h"

#define LINE_SIZE_MAX 16384

void hm_event_log(const char *event, ...)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);
    struct hm_json_writer writer;
    const char *key;
    va_list args;

    hm_json_writer_init(&writer, &line, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key(&writer, "time");
    hm_json_writer_time(&writer, hm_time_now_unix_s());
    hm_json_writer_key_str(&writer, "event", event);
    va_start(args, event);
    while ((key = va_arg(args, const char *)) != NULL) {
        struct hm_err escaped = HM_ERR_INIT;

        /* Text from outside that may be no UTF-8: in the escaped form of messages. */
        (void)hm_fail(&escaped, HM_EFORMAT, "%s", va_arg(args, const char *));
        hm_json_writer_key_str(&writer, key, escaped.text);
    }
    va_end(args);
    hm_json_writer_object_end(&writer);
    if (hm_json_writer_end(&writer, NULL) == HM_OK &&
        hm_buf_append_byte(&line, '\n', NULL) == HM_OK)
        (void)!write(STDERR_FILENO, line.data, line.size);
}
