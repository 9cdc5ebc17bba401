/* SPDX-License-Identifier: Apache-2.0 */
/* The loader of libcurl's symbols. */
#include "net/curl.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>

#define CURL_LIBRARY "libcurl.so.4"
#define CURL_PACKAGE "libcurl4"

static const struct {
    const char *name;
    size_t offset; /* of the pointer in struct hm_curl */
} curl_symbols[] = {
    {"curl_global_init", offsetof(struct hm_curl, global_init)},
    {"curl_version_info", offsetof(struct hm_curl, version_info)},
    {"curl_easy_init", offsetof(struct hm_curl, easy_init)},
    {"curl_easy_cleanup", offsetof(struct hm_curl, easy_cleanup)},
    {"curl_easy_reset", offsetof(struct hm_curl, easy_reset)},
    {"curl_easy_setopt", offsetof(struct hm_curl, easy_setopt)},
    {"curl_easy_perform", offsetof(struct hm_curl, easy_perform)},
    {"curl_easy_getinfo", offsetof(struct hm_curl, easy_getinfo)},
    {"curl_easy_strerror", offsetof(struct hm_curl, easy_strerror)},
    {"curl_multi_init", offsetof(struct hm_curl, multi_init)},
    {"curl_multi_cleanup", offsetof(struct hm_curl, multi_cleanup)},
    {"curl_multi_add_handle", offsetof(struct hm_curl, multi_add_handle)},
    {"curl_multi_remove_handle", offsetof(struct hm_curl, multi_remove_handle)},
    {"curl_multi_perform", offsetof(struct hm_curl, multi_perform)},
    {"curl_multi_poll", offsetof(struct hm_curl, multi_poll)},
    {"curl_multi_info_read", offsetof(struct hm_curl, multi_info_read)},
    {"curl_slist_append", offsetof(struct hm_curl, slist_append)},
    {"curl_slist_free_all", offsetof(struct hm_curl, slist_free_all)},
    {"curl_url", offsetof(struct hm_curl, url)},
    {"curl_url_cleanup", offsetof(struct hm_curl, url_cleanup)},
    {"curl_url_get", offsetof(struct hm_curl, url_get)},
    {"curl_url_set", offsetof(struct hm_curl, url_set)},
    {"curl_free", offsetof(struct hm_curl, free)},
};

enum hm_rc hm_curl_open(const char *library, struct hm_err *err, struct hm_curl *ret_curl)
{
    struct hm_curl curl = {0};
    /* Lazy: binding all functions of some thirty libraries takes longer than fetching. */
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);

    if (handle == NULL) {
        const char *cause = dlerror();

        return hm_fail(err, HM_ENETWORK,
                       "http and https URLs need libcurl, which cannot be loaded (%s): install the "
                       "package " CURL_PACKAGE,
                       cause == NULL ? library : cause);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(curl_symbols); i++) {
        void *symbol = dlsym(handle, curl_symbols[i].name);

        if (symbol == NULL) {
            (void)dlclose(handle); /* nothing of it was used */
            return hm_fail(err, HM_ENETWORK,
                           "'%s' lacks the function %s: install the package " CURL_PACKAGE
                           " of version 7.85 or later",
                           library, curl_symbols[i].name);
        }
        /* ISO C has no cast from an object's to a function's address; POSIX has the same bytes. */
        memcpy((char *)&curl + curl_symbols[i].offset, &symbol, sizeof(symbol));
    }
    *ret_curl = curl;
    return HM_OK;
}

enum hm_rc hm_curl_load(struct hm_err *err, const struct hm_curl **ret_curl)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct hm_curl loaded;
    static bool is_loaded;
    enum hm_rc rc = HM_OK;

    (void)pthread_mutex_lock(&lock); /* a plain mutex of ours: cannot fail */
    if (!is_loaded) {
        rc = hm_curl_open(CURL_LIBRARY, err, &loaded);
        if (rc == HM_OK && loaded.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            rc = hm_fail(err, HM_EINTERNAL, "libcurl cannot be initialised");
        is_loaded = rc == HM_OK;
    }
    (void)pthread_mutex_unlock(&lock);
    if (rc == HM_OK)
        *ret_curl = &loaded;
    return rc;
}

bool hm_curl_has_gzip(const struct hm_curl *curl)
{
    const curl_version_info_data *info = curl->version_info(CURLVERSION_NOW);

    return info != NULL && (info->features & CURL_VERSION_LIBZ) != 0;
}

/* "HHHHHHHH.0", as OpenSSL's rehash names them. */
static bool is_hash_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && strcmp(name + 8, ".0") == 0;
}

bool hm_curl_has_ca_folder(const struct hm_curl *curl)
{
    const curl_version_info_data *info = curl->version_info(CURLVERSION_NOW);
    const struct dirent *entry;
    bool is_found = false;
    DIR *folder;

    if (info == NULL || info->age < CURLVERSION_SEVENTH || info->capath == NULL)
        return false;
    folder = opendir(info->capath);
    if (folder == NULL)
        return false;
    while (!is_found && (entry = readdir(folder)) != NULL)
        is_found = is_hash_name(entry->d_name);
    (void)closedir(folder); /* only read from */
    return is_found;
}
