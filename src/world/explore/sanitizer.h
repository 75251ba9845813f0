/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_SANITIZER_H
#define PN_PX_SANITIZER_H

/* PX_ASAN, PX_TSAN: compiled with that sanitizer, as gcc and as clang say it; PX_SANITIZED: either.
 */

#if defined(__SANITIZE_ADDRESS__)
#define PX_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define PX_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PX_ASAN 1
#elif __has_feature(thread_sanitizer)
#define PX_TSAN 1
#endif
#endif

#if defined(PX_ASAN) || defined(PX_TSAN)
#define PX_SANITIZED 1
#endif

#endif
