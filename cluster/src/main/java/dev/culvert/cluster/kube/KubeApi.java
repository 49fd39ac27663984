// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import dev.culvert.cluster.resource.ServerVersion;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The Kubernetes API, request by request. Each method blocks until the answer is there, and throws
 * {@link KubeException} if the server refuses or cannot be reached; nothing is repeated here.
 */
public interface KubeApi extends AutoCloseable {
  /**
   * One page of a collection.
   *
   * @param query the parameters of the list
   */
  <T extends KubeObject> Page<T> list(ResourceKind<T> kind, ListQuery query) throws KubeException;

  /**
   * Follows the changes of a collection, with bookmarks.
   *
   * @param resourceVersion after which changes are told
   * @param timeout after which the server ends the stream
   */
  <T extends KubeObject> WatchStream<T> watch(
      ResourceKind<T> kind,
      @Nullable String fieldSelector,
      String resourceVersion,
      Duration timeout)
      throws KubeException;

  <T extends KubeObject> T get(ResourceKind<T> kind, String name) throws KubeException;

  /**
   * Makes sure that the server is new enough: an older one does not keep a node from speaking for
   * another.
   *
   * @throws KubeException {@link KubeException#TOO_OLD} with the reason
   */
  default void requireSupported() throws KubeException {
    String refusal = get(ResourceKind.VERSIONS, ServerVersion.NAME).refusal();
    if (refusal != null) {
      throw new KubeException(KubeException.TOO_OLD, refusal, null, null);
    }
  }

  /**
   * Creates an object.
   *
   * @param json the object
   */
  <T extends KubeObject> T create(ResourceKind<T> kind, byte[] json) throws KubeException;

  /**
   * Changes an object by a JSON merge patch (RFC 7396).
   *
   * @param subresource such as {@code status}, or null
   */
  <T extends KubeObject> T patch(
      ResourceKind<T> kind, String name, @Nullable String subresource, byte[] json)
      throws KubeException;

  /**
   * Replaces an object.
   *
   * @param json the whole object; with the {@code resourceVersion} that was read, so that the
   *     server refuses ({@link KubeException#CONFLICT}) if it changed meanwhile
   */
  <T extends KubeObject> T replace(ResourceKind<T> kind, String name, byte[] json)
      throws KubeException;

  /**
   * Deletes an object.
   *
   * @param uid of the object that is meant: another one of the same name stays ({@link
   *     KubeException#CONFLICT})
   */
  void delete(ResourceKind<?> kind, String name, String uid) throws KubeException;

  @Override
  void close();

  /**
   * A page.
   *
   * @param resourceVersion of the whole list
   * @param next the token for the next page; null if this is the last one
   */
  record Page<T>(List<T> items, String resourceVersion, @Nullable String next) {}

  /**
   * The parameters of a list.
   *
   * @param limit objects per page
   * @param next the token from the page before; null for the first page
   * @param notOlderThan the least resourceVersion that the answer may have; null: a consistent read
   */
  record ListQuery(
      @Nullable String fieldSelector,
      int limit,
      @Nullable String next,
      @Nullable String notOlderThan) {}

  /** A stream of changes. */
  interface WatchStream<T> extends AutoCloseable {
    /**
     * The next change.
     *
     * @param patience how long to wait for it
     * @return null if the server ended the stream
     * @throws KubeException if the stream broke, nothing came within {@code patience}, or the
     *     server sent an error, such as 410 Gone
     */
    @Nullable Change<T> next(Duration patience) throws KubeException, InterruptedException;

    @Override
    void close();
  }

  /**
   * A change.
   *
   * @param object null for a bookmark
   * @param resourceVersion of the collection after this change
   */
  record Change<T>(Type type, @Nullable T object, String resourceVersion) {
    public enum Type {
      ADDED,
      MODIFIED,
      DELETED,
      BOOKMARK
    }
  }
}
