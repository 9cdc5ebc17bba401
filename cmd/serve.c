/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark-serve: the server behind "hallmark serve". */
#include <getopt.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "serve/supervisor.h"
#include "serve/trial.h"

#define COMMAND "hallmark serve"

static const char usage[] =
    "usage: hallmark serve [DIR] [--listen HOST:PORT] [--open] [--name HOST]...\n"
    "                      [--certificate FILE --certificate-key FILE] [--rate N]\n"
    "                      [--connections N] [--bytes-per-second N] [--workers N]\n"
    "                      [--admin HOST:PORT] [--access-log FILE] [--stop-time TIME]\n"
    "                      [--user NAME] [--run DIR] [--nginx FILE]\n"
    "       hallmark serve [DIR] --trial [--listen 127.0.0.1:PORT] [--open]\n"
    "\n"
    "Serves the site in DIR (by default $HALLMARK_DIR, or the working folder) to its customers\n"
    "over HTTPS, with nginx in front. Without a certificate one is made for the --name given, and\n"
    "its fingerprint told. --open gives metadata to everybody; images are by grant in any case.\n"
    "--trial serves plain HTTP on this machine alone, without nginx.\n"
    "\n"
    "It runs until SIGTERM or SIGINT and lets transfers finish; SIGHUP reads the certificate\n"
    "again, SIGUSR1 opens the access log anew. Each event is one line of JSON on standard error.\n";

enum {
    OPTION_LISTEN = 256,
    OPTION_OPEN,
    OPTION_NAME,
    OPTION_CERTIFICATE,
    OPTION_CERTIFICATE_KEY,
    OPTION_RATE,
    OPTION_CONNECTIONS,
    OPTION_BYTES,
    OPTION_WORKERS,
    OPTION_ADMIN,
    OPTION_ACCESS_LOG,
    OPTION_STOP_TIME,
    OPTION_USER,
    OPTION_RUN,
    OPTION_NGINX,
    OPTION_TRIAL,
};

static enum hm_rc take_number(const char *option, uint64_t min, uint64_t max, struct hm_err *err,
                              uint64_t *ret_number)
{
    uint64_t number = 0;

    if (hm_num_parse_u64(optarg, strlen(optarg), &number) != HM_OK || number < min || number > max)
        return hm_fail(err, HM_EUSAGE, "%s takes a number from %llu to %llu, not '%s'", option,
                       (unsigned long long)min, (unsigned long long)max, optarg);
    *ret_number = number;
    return HM_OK;
}

static enum hm_rc take_unsigned(const char *option, unsigned min, unsigned max, struct hm_err *err,
                                unsigned *ret_number)
{
    uint64_t number = 0;

    HM_TRY(take_number(option, min, max, err, &number));
    *ret_number = (unsigned)number;
    return HM_OK;
}

static enum hm_rc take_name(struct hm_settings *settings, struct hm_err *err)
{
    if (settings->name_count == HM_ARRAY_COUNT(settings->names))
        return hm_fail(err, HM_EUSAGE, "--name is taken %zu times at most",
                       HM_ARRAY_COUNT(settings->names));
    settings->names[settings->name_count++] = optarg;
    return HM_OK;
}

static enum hm_rc take_stop_time(struct hm_settings *settings, struct hm_err *err)
{
    int64_t seconds = 0;

    HM_TRY(hm_time_parse_duration(optarg, err, &seconds));
    if (seconds < 1 || seconds > HM_TIME_DAY_S)
        return hm_fail(err, HM_EUSAGE, "--stop-time is 1s to 1d, not '%s'", optarg);
    settings->stop_s = (unsigned)seconds;
    return HM_OK;
}

/* Options whose value is taken as it is. */
static bool take_text(struct hm_settings *settings, int option)
{
    const struct {
        int option;
        const char **value;
    } texts[] = {
        {OPTION_LISTEN, &settings->listen},
        {OPTION_CERTIFICATE, &settings->certificate},
        {OPTION_CERTIFICATE_KEY, &settings->certificate_key},
        {OPTION_ADMIN, &settings->admin},
        {OPTION_ACCESS_LOG, &settings->access_log},
        {OPTION_USER, &settings->user},
        {OPTION_RUN, &settings->run},
        {OPTION_NGINX, &settings->nginx},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++)
        if (texts[i].option == option) {
            *texts[i].value = optarg;
            return true;
        }
    return false;
}

static enum hm_rc take_option(struct hm_settings *settings, int option, struct hm_err *err)
{
    if (take_text(settings, option))
        return HM_OK;
    switch (option) {
    case OPTION_OPEN:
        settings->is_open = true;
        return HM_OK;
    case OPTION_TRIAL:
        settings->is_trial = true;
        return HM_OK;
    case OPTION_NAME:
        return take_name(settings, err);
    case OPTION_RATE:
        return take_unsigned("--rate", 0, HM_SETTINGS_RATE_MAX, err, &settings->rate);
    case OPTION_CONNECTIONS:
        return take_unsigned("--connections", 0, 65535, err, &settings->connections);
    case OPTION_WORKERS:
        return take_unsigned("--workers", 1, HM_SETTINGS_WORKERS_MAX, err, &settings->workers);
    case OPTION_BYTES:
        return take_number("--bytes-per-second", 0, (uint64_t)1 << 40, err, &settings->bytes_per_s);
    default:
        return take_stop_time(settings, err);
    }
}

/* Names that a first certificate has without being told. */
static void default_names(struct hm_settings *settings)
{
    static char host[200];

    if (settings->name_count > 0)
        return;
    settings->names[settings->name_count++] = "localhost";
    settings->names[settings->name_count++] = "127.0.0.1";
    settings->names[settings->name_count++] = "::1";
    if (gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0' &&
        host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] ==
            '\0')
        settings->names[settings->name_count++] = host;
}

static int check(const struct hm_settings *settings)
{
    if ((settings->certificate == NULL) != (settings->certificate_key == NULL))
        return hm_cmd_usage(COMMAND, "--certificate and --certificate-key belong together");
    if (settings->certificate != NULL && settings->name_count > 0)
        return hm_cmd_usage(COMMAND, "--name is for a certificate of our own");
    if (settings->is_trial && (settings->certificate != NULL || settings->name_count > 0))
        return hm_cmd_usage(COMMAND, "--trial has no certificate");
    return -1;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"open", no_argument, NULL, OPTION_OPEN},
        {"name", required_argument, NULL, OPTION_NAME},
        {"certificate", required_argument, NULL, OPTION_CERTIFICATE},
        {"certificate-key", required_argument, NULL, OPTION_CERTIFICATE_KEY},
        {"rate", required_argument, NULL, OPTION_RATE},
        {"connections", required_argument, NULL, OPTION_CONNECTIONS},
        {"bytes-per-second", required_argument, NULL, OPTION_BYTES},
        {"workers", required_argument, NULL, OPTION_WORKERS},
        {"admin", required_argument, NULL, OPTION_ADMIN},
        {"access-log", required_argument, NULL, OPTION_ACCESS_LOG},
        {"stop-time", required_argument, NULL, OPTION_STOP_TIME},
        {"user", required_argument, NULL, OPTION_USER},
        {"run", required_argument, NULL, OPTION_RUN},
        {"nginx", required_argument, NULL, OPTION_NGINX},
        {"trial", no_argument, NULL, OPTION_TRIAL},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *dir = getenv("HALLMARK_DIR");
    struct hm_settings settings = {.dir = dir != NULL && dir[0] != '\0' ? dir : ".",
                                   .nginx = HM_SETTINGS_NGINX,
                                   .workers = HM_SETTINGS_WORKERS,
                                   .rate = HM_SETTINGS_RATE,
                                   .connections = HM_SETTINGS_CONNECTIONS,
                                   .stop_s = HM_SETTINGS_STOP_S};
    struct hm_err err = HM_ERR_INIT;
    int option;
    int status;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        }
        if (option == '?') {
            (void)fprintf(stderr, "Try '" COMMAND " --help'.\n");
            return 2;
        }
        if (take_option(&settings, option, &err) != HM_OK)
            return hm_cmd_fail(&err);
    }
    if (argc - optind > 1)
        return hm_cmd_usage(COMMAND, "one folder is served");
    if (optind < argc)
        settings.dir = argv[optind];
    status = check(&settings);
    if (status >= 0)
        return status;
    default_names(&settings);
    if (settings.listen == NULL)
        settings.listen = settings.is_trial ? HM_SETTINGS_TRIAL_LISTEN : HM_SETTINGS_LISTEN;
    if ((settings.is_trial ? hm_trial_run(&settings, &err) : hm_supervisor_run(&settings, &err)) !=
        HM_OK)
        return hm_cmd_fail(&err);
    return 0;
}

int main(int argc, char **argv)
{
    struct hm_err err = HM_ERR_INIT;

    if (argc > 1 && hm_supervisor_is_role(argv[1]))
        return hm_supervisor_role(argc - 1, argv + 1, &err) == HM_OK ? 0 : hm_cmd_fail(&err);
    return run(argc, argv);
}
