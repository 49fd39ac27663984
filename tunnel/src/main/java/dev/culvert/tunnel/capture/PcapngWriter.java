// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.capture;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Writes pcapng (draft-ietf-opsawg-pcapng), one section, little-endian, times in nanoseconds. Every
 * block is its type, its length, its body in words of 4 bytes, and its length again.
 */
public final class PcapngWriter implements AutoCloseable {
  /** Link type of Ethernet frames. */
  public static final int ETHERNET = 1;

  /** Link type of bare IP packets. */
  public static final int RAW_IP = 101;

  /** Secrets in the lines of Wireshark's {@code wg.keylog_file}. */
  public static final int WIREGUARD_KEY_LOG = 0x5747_4b4c;

  private static final int SECTION_HEADER = 0x0a0d_0d0a;
  private static final int INTERFACE_DESCRIPTION = 1;
  private static final int ENHANCED_PACKET = 6;
  private static final int DECRYPTION_SECRETS = 10;
  private static final int BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
  private static final int OPTION_NAME = 2;
  private static final int OPTION_TIME_RESOLUTION = 9;
  private static final int OPTION_FLAGS = 2;
  private static final int OPTION_APPLICATION = 4;
  private static final byte NANOSECONDS = 9;
  private static final int INBOUND = 1;
  private static final int OUTBOUND = 2;

  /** Bytes around a block's body. */
  private static final int FRAME = 12;

  private final OutputStream out;
  private int interfaces;

  /** Begins a section. */
  public PcapngWriter(OutputStream out) throws IOException {
    this.out = out;
    byte[] application = "culvert".getBytes(UTF_8);
    ByteBuffer block = block(SECTION_HEADER, 16 + option(application.length) + 4);
    block.putInt(BYTE_ORDER_MAGIC).putShort((short) 1).putShort((short) 0).putLong(-1);
    putOption(block, OPTION_APPLICATION, application);
    end(block.putInt(0));
  }

  /**
   * Describes an interface.
   *
   * @return its number in {@link #packet}
   */
  public int device(String name, int linkType) throws IOException {
    byte[] bytes = name.getBytes(UTF_8);
    ByteBuffer block = block(INTERFACE_DESCRIPTION, 8 + option(bytes.length) + option(1) + 4);
    block.putShort((short) linkType).putShort((short) 0).putInt(0);
    putOption(block, OPTION_NAME, bytes);
    putOption(block, OPTION_TIME_RESOLUTION, new byte[] {NANOSECONDS});
    end(block.putInt(0));
    return interfaces++;
  }

  /**
   * A packet of an interface.
   *
   * @param time nanoseconds since 1970
   */
  public void packet(int device, long time, boolean outgoing, byte[] frame) throws IOException {
    ByteBuffer block = block(ENHANCED_PACKET, 20 + padded(frame.length) + option(4) + 4);
    block.putInt(device).putInt((int) (time >>> 32)).putInt((int) time);
    block.putInt(frame.length).putInt(frame.length);
    putPadded(block, frame);
    block.putShort((short) OPTION_FLAGS).putShort((short) 4);
    end(block.putInt(outgoing ? OUTBOUND : INBOUND).putInt(0));
  }

  /** Writes secrets that decipher the packets after them. */
  public void secrets(int type, byte[] secrets) throws IOException {
    ByteBuffer block = block(DECRYPTION_SECRETS, 8 + padded(secrets.length));
    block.putInt(type).putInt(secrets.length);
    putPadded(block, secrets);
    end(block);
  }

  /** Flushes, so that a reader sees all blocks so far. */
  public void flush() throws IOException {
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  private static ByteBuffer block(int type, int body) {
    ByteBuffer block = ByteBuffer.allocate(FRAME + body).order(ByteOrder.LITTLE_ENDIAN);
    return block.putInt(type).putInt(FRAME + body);
  }

  private void end(ByteBuffer block) throws IOException {
    byte[] bytes = new byte[block.capacity()];
    block.putInt(block.capacity()).flip();
    block.get(bytes);
    out.write(bytes);
  }

  private static int padded(int length) {
    return length + 3 & ~3;
  }

  private static int option(int length) {
    return 4 + padded(length);
  }

  private static void putOption(ByteBuffer block, int code, byte[] value) {
    putPadded(block.putShort((short) code).putShort((short) value.length), value);
  }

  private static void putPadded(ByteBuffer block, byte[] value) {
    block.put(value).position(block.position() + padded(value.length) - value.length);
  }
}
