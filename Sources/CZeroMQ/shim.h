// ZeroMQ, and a header of the C library that Swift's Glibc module leaves out: `eventfd`, which
// wakes a poll.
#include <sys/eventfd.h>
#include <zmq.h>
