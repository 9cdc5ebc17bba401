/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark-scan: the process that reads a foreign image and scans it, confined. Started by others
 * (image/scan.h); by hand it says no. */
#include "image/scan_worker.h"

int main(int argc, char **argv)
{
    /* Nothing runs at the end: what that would call is not allowed any more. */
    _Exit(hm_scan_worker_main(argc, argv));
}
