/* Stands in for the toolkit's. */
#include "../cuda_on_host.h"
