package dev.culvert.tunnel.port;

/**
 * How a UDP socket is set up.
 *
 * @param bufferBytes wanted for each of SO_RCVBUF and SO_SNDBUF; the kernel may give less
 * @param mark SO_MARK on what is sent, 0 for none
 * @param segmentation whether runs may be handed to the kernel as one (UDP_SEGMENT), where it can
 * @param coalescing whether runs are taken from the kernel as one (UDP_GRO), where it can
 */
public record UdpOptions(int bufferBytes, int mark, boolean segmentation, boolean coalescing) {
  /** Every offload, 7 MiB of buffer each way, no mark. */
  public static final UdpOptions DEFAULT = new UdpOptions(7 << 20, 0, true, true);

  public UdpOptions withMark(int newMark) {
    return new UdpOptions(bufferBytes, newMark, segmentation, coalescing);
  }
}
