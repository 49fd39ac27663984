// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.state;

import dev.culvert.tunnel.esp.manual.ManualSa;
import dev.culvert.tunnel.esp.manual.SequenceRefusedException;
import dev.culvert.tunnel.esp.manual.SequenceStore;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Sequence reservations of manual SAs on disk: one record per key in the state directory, and a
 * witness of it in a directory that lasts until the machine restarts ({@code /run}). A record is
 * made once, by {@link #enrol}, for a key that was never used. A missing record is never silently
 * made again, since it may have been lost.
 *
 * <p>A record is refused if it is gone, read-only, another key's, not the file that was enrolled (a
 * copy or a restored backup has another inode), or behind its witness or this process.
 */
public final class SequenceFiles implements SequenceStore {
  private static final int LOCK_ATTEMPTS = 100;
  private static final Duration LOCK_WAIT = Duration.ofMillis(2);

  private final Path records;
  private final Path witnesses;
  private final Map<String, Long> reservedHere = new HashMap<>();

  /**
   * @param records a directory that survives restarts of the machine
   * @param witnesses a directory that does not: a tmpfs, not part of backups
   */
  public SequenceFiles(Path records, Path witnesses) throws IOException {
    this.records = Files.createDirectories(records, PrivateFile.FOLDER_MODE);
    this.witnesses = Files.createDirectories(witnesses, PrivateFile.FOLDER_MODE);
  }

  /**
   * Makes the record of a key that was never used anywhere. The operator has to make sure of that.
   *
   * @throws SequenceRefusedException if this machine knows that the key was used
   */
  public void enrol(ManualSa sa) throws IOException, SequenceRefusedException {
    String fingerprint = sa.fingerprint();
    Path record = record(fingerprint);
    if (Files.exists(witness(fingerprint))) {
      throw new SequenceRefusedException(
          "this key was used since the machine started (" + witness(fingerprint) + ")");
    }
    try (FileChannel out =
        PrivateFile.channel(
            record, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE))) {
      long inode = inode(record);
      new SequenceRecord(fingerprint, inode, 1, 1).write(out);
      new SequenceRecord(fingerprint, inode, 2, 1).write(out);
    } catch (FileAlreadyExistsException e) {
      throw new SequenceRefusedException("this key has a record already: " + record, e);
    }
    PrivateFile.syncFolder(record);
  }

  @Override
  public Block reserve(String fingerprint, long count, long spaceEnd)
      throws SequenceRefusedException {
    Path path = record(fingerprint);
    try (PrivateFile opened = PrivateFile.openForUpdate(path);
        FileChannel file =
            opened.channel(Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE));
        FileLock lock = lock(file)) {
      if (lock == null) {
        throw new SequenceRefusedException(path + " is in use by another process");
      }
      SequenceRecord now = SequenceRecord.read(file, path, count);
      check(now, opened.inode(), path, fingerprint);
      long first = now.reserved();
      long end = count > spaceEnd - first ? Math.max(first, spaceEnd) : first + count;
      SequenceRecord next = new SequenceRecord(fingerprint, now.inode(), now.turn() + 1, end);
      next.write(file);
      bearWitness(next);
      reservedHere.put(fingerprint, end);
      return new Block(first, end);
    } catch (NoSuchFileException e) {
      throw new SequenceRefusedException(
          path + " is gone, so the used sequence numbers are unknown: give both ends a new key", e);
    } catch (OverlappingFileLockException e) {
      throw new SequenceRefusedException(path + " is in use by this process", e);
    } catch (PrivateFile.RefusedException e) {
      throw new SequenceRefusedException(path + ": " + e.reason(), e);
    } catch (IOException e) {
      throw new SequenceRefusedException(path + " cannot be written: " + e.getMessage(), e);
    }
  }

  /**
   * Locks the file. Waits for a short time, since a process and the one that replaces it may
   * reserve at the same moment.
   *
   * @return null if another process keeps the lock for longer
   */
  private static @Nullable FileLock lock(FileChannel file) throws IOException {
    FileLock lock = file.tryLock();
    for (int i = 0; lock == null && i < LOCK_ATTEMPTS; i++) {
      LockSupport.parkNanos(LOCK_WAIT.toNanos());
      lock = file.tryLock();
    }
    return lock;
  }

  private void check(SequenceRecord record, long inode, Path path, String fingerprint)
      throws IOException, SequenceRefusedException {
    if (!record.fingerprint().equals(fingerprint)) {
      throw new SequenceRefusedException(path + " is the record of another key");
    }
    if (record.inode() != inode) {
      throw new SequenceRefusedException(
          path + " is a copy, perhaps older than the numbers used: give both ends a new key");
    }
    long used = Math.max(witnessed(fingerprint), reservedHere.getOrDefault(fingerprint, 1L));
    if (record.reserved() < used) {
      throw new SequenceRefusedException(
          "%s says %d, but numbers below %d were given out: it was set back; give both ends a new key"
              .formatted(path, record.reserved(), used));
    }
  }

  private long witnessed(String fingerprint) throws IOException, SequenceRefusedException {
    Path path = witness(fingerprint);
    try (PrivateFile opened = PrivateFile.openForUpdate(path);
        FileChannel file = opened.channel(Set.of(StandardOpenOption.READ))) {
      return SequenceRecord.read(file, path, 0).reserved();
    } catch (NoSuchFileException e) {
      return 1; // The machine was restarted since.
    }
  }

  private void bearWitness(SequenceRecord record) throws IOException {
    try (FileChannel file =
        PrivateFile.channel(
            witness(record.fingerprint()),
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE))) {
      record.write(file);
    }
  }

  private static long inode(Path path) throws IOException {
    return (Long) Files.getAttribute(path, "unix:ino");
  }

  private Path record(String fingerprint) {
    return records.resolve(fingerprint);
  }

  private Path witness(String fingerprint) {
    return witnesses.resolve(fingerprint);
  }
}
