// pthread_cancel at cancellation points and asynchronously; clean-up handlers run.
#include "lib/cancellation.h"
