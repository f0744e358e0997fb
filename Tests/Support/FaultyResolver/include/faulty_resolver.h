// SPDX-License-Identifier: Apache-2.0

// A `getaddrinfo` for the test worker, in place of the system's. What it does is written in the file that the environment
// variable FAULTY_RESOLVER names, and may change at any time:
//
//     fail        every name that is not a number fails, as if no name server answered
//     hang        the same, but it does not return before the file says something else
//     127.0.0.1   every such name has this address
//
// Without the variable it does what the system does.
#ifndef FAULTY_RESOLVER_H
#define FAULTY_RESOLVER_H

// How often the program has asked for an address, numbers included. (Calling this links the resolver in.)
long faulty_resolver_calls(void);

#endif
