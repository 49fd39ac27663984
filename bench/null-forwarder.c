/*
 * The floor under every userspace tunnel: carries frames of a TUN device to a UDP socket and back,
 * unchanged. No cipher, no splitting, no look-up: only the system calls and the copies.
 *
 *   null-forwarder DEVICE LOCAL-IPV4 REMOTE-IPV4 PORT SEGMENT-BYTES
 *
 * A frame is the unit that TUN reads and writes: a virtio-net header and one IP packet, which with TSO is up
 * to 64 KiB. It goes out in one call as datagrams of SEGMENT-BYTES (UDP_SEGMENT) and comes back in
 * one buffer (UDP_GRO). If the kernel joined several frames they lie back to back; a frame that
 * came back incomplete is dropped, and counted in the line printed at the end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
  HEADER = sizeof(struct virtio_net_hdr),
  IPV4_MIN = 20,
  IPV6_HEADER = 40,
  FRAME_MAX = HEADER + 65535,
  SOCKET_BUFFER = 8 << 20,
};

static int tun, udp;
static struct sockaddr_in remote;
static unsigned long unsent, incomplete, refused;

static void die(const char *call) {
  perror(call);
  exit(1);
}

static void open_tun(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  if (strlen(name) >= sizeof request.ifr_name) {
    fprintf(stderr, "null-forwarder: %s: name too long\n", name);
    exit(2);
  }
  strcpy(request.ifr_name, name);
  if ((tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC)) < 0) die("/dev/net/tun");
  if (ioctl(tun, TUNSETIFF, &request) < 0) die("TUNSETIFF");
  if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) die("TUNSETOFFLOAD");
}

static struct in_addr address(const char *text) {
  struct in_addr parsed;
  if (inet_pton(AF_INET, text, &parsed) != 1) {
    fprintf(stderr, "null-forwarder: %s: not an IPv4 address\n", text);
    exit(2);
  }
  return parsed;
}

static void open_udp(const char *from, const char *to, int port, int segment) {
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address(from)};
  int on = 1, size = SOCKET_BUFFER;
  remote = local;
  remote.sin_addr = address(to);
  if ((udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0) die("socket");
  if (bind(udp, (struct sockaddr *)&local, sizeof local) < 0) die("bind");
  if (setsockopt(udp, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0) die("UDP_SEGMENT");
  if (setsockopt(udp, IPPROTO_UDP, UDP_GRO, &on, sizeof on) < 0) die("UDP_GRO");
  if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("SO_RCVBUFFORCE");
  if (setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0) die("SO_SNDBUFFORCE");
}

/* Bytes of the frame that begins here, or 0 if there is none. */
static size_t frame_length(const uint8_t *frame, size_t available) {
  if (available < HEADER + IPV4_MIN) return 0;
  const uint8_t *ip = frame + HEADER;
  switch (ip[0] >> 4) {
    case 4:
      return HEADER + (ip[2] << 8 | ip[3]);
    case 6:
      return HEADER + IPV6_HEADER + (ip[4] << 8 | ip[5]);
    default:
      return 0;
  }
}

static void *outbound(void *unused) {
  static uint8_t frame[FRAME_MAX];
  for (;;) {
    ssize_t length = read(tun, frame, sizeof frame);
    if (length < 0) {
      /* EIO: the device is down, until it is configured or for good. */
      if (errno == EINTR) continue;
      if (errno != EIO) die("read from TUN");
      usleep(1000);
      continue;
    }
    if (sendto(udp, frame, length, 0, (struct sockaddr *)&remote, sizeof remote) < 0) unsent++;
  }
  return unused;
}

static void *inbound(void *unused) {
  static uint8_t buffer[FRAME_MAX];
  for (;;) {
    ssize_t received = recv(udp, buffer, sizeof buffer, 0);
    if (received < 0) {
      /* ECONNREFUSED and the like: the other end is not up yet. */
      refused++;
      continue;
    }
    for (size_t at = 0; at < (size_t)received;) {
      size_t available = received - at, length = frame_length(buffer + at, available);
      if (length == 0 || length > available) {
        incomplete++;
        break;
      }
      if (write(tun, buffer + at, length) < 0) refused++;
      at += length;
    }
  }
  return unused;
}

static int number(const char *text, int most) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end != 0 || end == text || value < 1 || value > most) {
    fprintf(stderr, "null-forwarder: %s: not a number from 1 to %d\n", text, most);
    exit(2);
  }
  return value;
}

int main(int count, char **words) {
  if (count != 6) {
    fprintf(stderr, "usage: null-forwarder DEVICE LOCAL-IPV4 REMOTE-IPV4 PORT SEGMENT-BYTES\n");
    return 2;
  }
  /* Blocked before the threads start, so that the first thread alone takes them. */
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, NULL);

  open_udp(words[2], words[3], number(words[4], 65535), number(words[5], 65507));
  open_tun(words[1]);
  pthread_t thread;
  if (pthread_create(&thread, NULL, outbound, NULL) != 0 || pthread_create(&thread, NULL, inbound, NULL) != 0) {
    fprintf(stderr, "null-forwarder: no thread\n");
    return 1;
  }
  int received;
  sigwait(&ends, &received);
  fprintf(stderr, "null-forwarder: %lu not sent, %lu incomplete, %lu refused\n", unsent, incomplete, refused);
  return 0;
}
