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
 * What a reservation file says. The file has two slots of 48 bytes, written in turn, so that a
 * write that a crash cuts short leaves the one before: magic (4), fingerprint (16), inode (8), turn
 * (8), reserved (8), CRC-32C (4).
 *
 * @param fingerprint 32 hexadecimal digits
 * @param inode of the file that was enrolled
 * @param turn counts writes; odd and even go to different slots
 * @param reserved the first sequence number that nobody may have used
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
   * Reads the newer slot. Where one is damaged it may have been the newer: then the other counts
   * for {@code step} more than it says.
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
      // Until full or at the end.
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
