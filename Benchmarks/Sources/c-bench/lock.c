// SPDX-License-Identifier: Apache-2.0

// A lock as one would write it by hand: create and list in one pipeline, watch the predecessor, list again when it goes.
#include "bench.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS = 10 };

struct contender make_contender(zhandle_t *session, const char *directory, int index, int reads) {
    struct contender contender = {.session = session, .directory = directory, .blockers = reads ? "-write-" : "-"};
    // The session and the number tell the nodes of one process apart, as a lock must after a lost answer.
    snprintf(contender.prefix, sizeof contender.prefix, "%s/%016llx-%d-%s-", directory,
             (unsigned long long)zoo_client_id(session)->client_id, index, reads ? "read" : "write");
    return contender;
}

static const char *sequence(const char *name) {
    size_t length = strlen(name);
    return length < DIGITS ? name : name + length - DIGITS;
}

static void list(struct contender *contender);

static void predecessor_changed(zhandle_t *session, int type, int state, const char *path, void *contender) {
    if (type != ZOO_SESSION_EVENT) list(contender);
}

static void read_predecessor(int code, const char *value, int length, const struct Stat *stat, const void *context) {
    if (code == ZNONODE) list((struct contender *)context);
    else check("get", code);
}

static void listed(int code, const struct String_vector *names, const void *context) {
    struct contender *contender = (struct contender *)context;
    if (is_over) return;
    check("get_children", code);
    const char *own = sequence(contender->node), *nearest = NULL;
    for (int i = 0; i < names->count; i++) {
        const char *name = names->data[i], *number = sequence(name);
        if (strcmp(number, own) >= 0 || !strstr(name, contender->blockers)) continue;
        if (!nearest || strcmp(number, sequence(nearest)) > 0) nearest = name;
    }
    if (!nearest) {
        contender->granted(contender);
        return;
    }
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", contender->directory, nearest);
    // Not exists: that would leave a watch for a node that is gone.
    check("get", zoo_awget(contender->session, path, predecessor_changed, contender, read_predecessor, contender));
}

static void list(struct contender *contender) {
    check("get_children", zoo_aget_children(contender->session, contender->directory, 0, listed, contender));
}

static void created(int code, const char *path, const void *context) {
    struct contender *contender = (struct contender *)context;
    check("create", code);
    snprintf(contender->node, sizeof contender->node, "%s", path);
}

void acquire(struct contender *contender) {
    check("create", zoo_acreate(contender->session, contender->prefix, "", 0, &ZOO_OPEN_ACL_UNSAFE,
                                ZOO_EPHEMERAL | ZOO_SEQUENCE, created, contender));
    // Answers come in order, so the own name is known when the list is here.
    list(contender);
}

static void deleted(int code, const void *context) {
    struct contender *contender = (struct contender *)context;
    check("delete", code);
    contender->released(contender);
}

void release_lock(struct contender *contender) {
    check("delete", zoo_adelete(contender->session, contender->node, -1, deleted, contender));
}
