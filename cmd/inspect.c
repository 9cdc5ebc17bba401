/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark-inspect: the process that reads a foreign image, confined. Started by others
 * (image/inspect.h); by hand it says no. */
#include "image/worker.h"

int main(int argc, char **argv)
{
    struct hm_worker worker;
    int status = hm_worker_start(argc, argv, false, &worker);

    if (status == 0)
        status = hm_worker_run(&worker);
    /* Nothing runs at the end: what that would call is not allowed any more. */
    _Exit(status);
}
