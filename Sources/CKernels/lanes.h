// Sixteen numbers that are computed with at once.
#pragma once
#include "kernels.h"

enum { LANES = RELATE_LANES, GROUP = RELATE_LANE_GROUP };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define AT(address) (*(lanes *)(address))
