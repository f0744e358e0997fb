// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "faulty_resolver.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static atomic_long calls;

long faulty_resolver_calls(void) { return calls; }

// What to do, as far as it could be read.
static void read_orders(const char *path, char *orders, size_t size) {
    strcpy(orders, "fail");
    FILE *file = fopen(path, "r");
    if (!file) return;
    char line[64];
    if (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0]) snprintf(orders, size, "%s", line);
    }
    fclose(file);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    calls++;
    resolve *system_resolve = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *path = getenv("FAULTY_RESOLVER");
    unsigned char address[16];
    int is_number = host && (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1);
    if (!path || !host || is_number) return system_resolve(host, service, hints, result);
    char orders[64];
    for (;;) {
        read_orders(path, orders, sizeof orders);
        if (strcmp(orders, "hang") != 0) break;
        usleep(10000);
    }
    if (strcmp(orders, "fail") == 0) return EAI_AGAIN;
    return system_resolve(orders, service, hints, result);
}
