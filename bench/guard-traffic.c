/*
 * Sends messages like those of a gateway, as fast as it can, and prints how long the kernel takes for one.
 *
 *   guard-traffic REMOTE-IPV4 PORT MARK BYTES SEGMENT-BYTES
 *
 * A message has BYTES bytes of zeros, and leaves from PORT to PORT as datagrams of SEGMENT-BYTES
 * (UDP_SEGMENT), or as one if that is 0. Over a veth pair the kernel takes it all the way to the other
 * end's socket within the call. The time is that of the fastest twentieth of 400 spells, since other
 * programs and the hypervisor take the processor away from the rest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { SPELLS = 400, SPELL_BYTES = 4 << 20, MOST_MESSAGES = 400, MOST_BYTES = 65507 };

static void check(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
}

static double now(void) {
  struct timespec time;
  check(clock_gettime(CLOCK_MONOTONIC, &time), "clock_gettime");
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static int open_socket(uint16_t port, int mark, int segment) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  check(fd, "socket");
  check(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark), "SO_MARK");
  if (segment > 0) {
    check(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), "UDP_SEGMENT");
  }
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
  check(bind(fd, (struct sockaddr *)&local, sizeof local), "bind");
  return fd;
}

int main(int count, char **words) {
  static char bytes[MOST_BYTES];
  double spells[SPELLS];
  if (count != 6 || atoi(words[4]) < 1 || atoi(words[4]) > MOST_BYTES) {
    fprintf(stderr, "guard-traffic REMOTE-IPV4 PORT MARK BYTES SEGMENT-BYTES\n");
    return 2;
  }
  uint16_t port = (uint16_t)atoi(words[2]);
  int length = atoi(words[4]);
  int fd = open_socket(port, (int)strtol(words[3], NULL, 0), atoi(words[5]));
  struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_aton(words[1], &remote.sin_addr) == 0) {
    fprintf(stderr, "%s: not an IPv4 address\n", words[1]);
    return 2;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  check(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
  int messages = SPELL_BYTES / length < MOST_MESSAGES ? SPELL_BYTES / length : MOST_MESSAGES;
  for (int spell = 0; spell < SPELLS; spell++) {
    double start = now();
    for (int message = 0; message < messages; message++) {
      check((int)sendto(fd, bytes, (size_t)length, 0, (struct sockaddr *)&remote, sizeof remote), "sendto");
    }
    spells[spell] = (now() - start) / messages;
  }
  qsort(spells, SPELLS, sizeof *spells, ascending);
  printf("%.0f\n", spells[SPELLS / 20]);
  return 0;
}
