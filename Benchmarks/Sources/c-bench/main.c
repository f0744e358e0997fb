// SPDX-License-Identifier: Apache-2.0

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {.clients = 1, .concurrency = 1, .seconds = 3, .warmup = 1};

static void misused(const char *what, const char *name) {
    fprintf(stderr, "c-bench: %s: %s\n", what, name);
    exit(64);
}

static void parse(int count, char **arguments) {
    for (int i = 1; i < count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (!value) misused("a value is missing", name);
        if (!strcmp(name, "--connect")) options.connect = value;
        else if (!strcmp(name, "--workload")) options.workload = value;
        else if (!strcmp(name, "--path")) options.path = value;
        else if (!strcmp(name, "--clients")) options.clients = atoi(value);
        else if (!strcmp(name, "--concurrency")) options.concurrency = atoi(value);
        else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
        else if (!strcmp(name, "--warmup")) options.warmup = atof(value);
        else misused("there is no such option", name);
    }
    if (!options.connect || !options.workload || !options.path) misused("needed", "--connect, --workload, --path");
    if (strlen(options.path) > PATH_SIZE / 2) misused("too long", options.path);
    if (options.clients < 1 || options.concurrency < 1) misused("must be positive", "--clients, --concurrency");
}

int main(int count, char **arguments) {
    parse(count, arguments);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    const char *workload = options.workload;
    if (!strcmp(workload, "raw-get")) run_raw(RAW_GET);
    else if (!strcmp(workload, "raw-exists")) run_raw(RAW_EXISTS);
    else if (!strcmp(workload, "raw-set")) run_raw(RAW_SET);
    else if (!strcmp(workload, "uncontended")) run_free_locks(1, 0);
    else if (!strcmp(workload, "rwlock-read")) run_free_locks(1, 1);
    else if (!strcmp(workload, "parallel-locks")) run_free_locks(options.concurrency, 0);
    else if (!strcmp(workload, "contended")) run_handoffs();
    else if (!strcmp(workload, "herd")) run_herd();
    else if (!strcmp(workload, "election")) run_election();
    else misused("there is no such workload", workload);
    return 0;
}
