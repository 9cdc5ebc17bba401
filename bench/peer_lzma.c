/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of looking into an image: liblzma alone decodes the streams in a file and forgets them.
 *
 * usage: peer_lzma FILE OFFSET SIZE [OFFSET SIZE...]   where each stream ("LZMA alone") stands
 */
#include <lzma.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        exit(1);
    size = ftell(file);
    rewind(file);
    data = malloc((size_t)size);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        exit(1);
    (void)fclose(file);
    *ret_size = (size_t)size;
    return data;
}

static size_t decode(const uint8_t *packed, size_t size)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    uint64_t declared;
    uint8_t *data;

    memcpy(&declared, packed + 5, sizeof(declared));
    data = malloc(declared);
    if (data == NULL || lzma_alone_decoder(&stream, (uint64_t)80 << 20) != LZMA_OK)
        exit(1);
    stream.next_in = packed;
    stream.avail_in = size;
    stream.next_out = data;
    stream.avail_out = declared;
    (void)lzma_code(&stream, LZMA_FINISH);
    if (stream.avail_out != 0)
        exit(1);
    lzma_end(&stream);
    free(data);
    return declared;
}

int main(int argc, char **argv)
{
    size_t size, total = 0;
    uint8_t *data;

    if (argc < 4)
        return 2;
    data = read_file(argv[1], &size);
    for (int i = 2; i + 1 < argc; i += 2) {
        size_t offset = strtoull(argv[i], NULL, 0), count = strtoull(argv[i + 1], NULL, 0);

        if (offset > size || count > size - offset)
            return 1;
        total += decode(data + offset, count);
    }
    (void)printf("%zu\n", total);
    free(data);
    return 0;
}
