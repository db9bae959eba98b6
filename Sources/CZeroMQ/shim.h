// ZeroMQ, and the two headers of the C library that Swift's Glibc module leaves out: `eventfd`,
// which wakes a poll, and `mallopt`, which decides how ZeroMQ's frames are allocated.
#include <malloc.h>
#include <sys/eventfd.h>
#include <zmq.h>
