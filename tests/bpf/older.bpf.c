// SPDX-License-Identifier: MIT OR Apache-2.0
//
// An earlier build of kinds.bpf.c, before two members changed places: equal in
// all sizes and type ids.

#define OLDER
#include "kinds.bpf.c"
