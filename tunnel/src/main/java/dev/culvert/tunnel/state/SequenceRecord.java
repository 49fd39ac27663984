// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import dev.culvert.tunnel.esp.manual.SequenceRefusedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The contents of a reservation file. The file has two slots of 48 bytes, written in turn, so that
 * a crash in the middle of a write leaves the previous slot: magic (4), fingerprint (16), inode
 * (8), turn (8), reserved (8), CRC-32C (4).
 *
 * @param fingerprint 32 hexadecimal digits
 * @param inode the inode of the file that was enrolled
 * @param turn the number of the write; odd and even ones go to different slots
 * @param reserved the first sequence number that is certainly unused
 */
record SequenceRecord(String fingerprint, long inode, long turn, long reserved) {
  private static final int MAGIC = 0x43534551;
  private static final int LENGTH = 48;
  private static final int CHECKED = 44;

  /** Writes this to its slot and waits for the medium. */
  void write(FileChannel file) throws IOException {
    ByteBuffer out = ByteBuffer.allocate(LENGTH);
    out.putInt(MAGIC).put(HexFormat.of().parseHex(fingerprint));
    out.putLong(inode).putLong(turn).putLong(reserved);
    out.putInt(checksum(out.array())).flip();
    long at = (turn & 1) * LENGTH;
    while (out.hasRemaining()) {
      at += file.write(out, at);
    }
    file.force(true);
  }

  /**
   * Reads the newer slot. If one is damaged, it may have been the newer, so {@code step} is added
   * to the other one's number.
   */
  static SequenceRecord read(FileChannel file, Path path, long step)
      throws IOException, SequenceRefusedException {
    SequenceRecord even = slot(file, 0);
    SequenceRecord odd = slot(file, 1);
    if (even != null && odd != null) {
      return even.turn > odd.turn ? even : odd;
    }
    SequenceRecord left = even != null ? even : odd;
    if (left == null) {
      throw new SequenceRefusedException(path + " is damaged: give both ends a new key");
    }
    return new SequenceRecord(
        left.fingerprint, left.inode, left.turn, Math.addExact(left.reserved, step));
  }

  private static @Nullable SequenceRecord slot(FileChannel file, int slot) throws IOException {
    ByteBuffer in = ByteBuffer.allocate(LENGTH);
    long from = (long) slot * LENGTH;
    while (in.hasRemaining() && file.read(in, from + in.position()) >= 0) {
      // Reads until the buffer is full or the file ends.
    }
    if (in.hasRemaining() || checksum(in.array()) != in.getInt(CHECKED)) {
      return null;
    }
    in.flip();
    int magic = in.getInt();
    byte[] fingerprint = new byte[16];
    in.get(fingerprint);
    SequenceRecord record =
        new SequenceRecord(
            HexFormat.of().formatHex(fingerprint), in.getLong(), in.getLong(), in.getLong());
    return magic == MAGIC && record.reserved >= 1 ? record : null;
  }

  private static int checksum(byte[] record) {
    CRC32C sum = new CRC32C();
    sum.update(record, 0, CHECKED);
    return (int) sum.getValue();
  }
}
