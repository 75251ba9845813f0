/* SPDX-License-Identifier: MIT */
/*
 * Starts another kernel by kexec_load(), because kexec_file_load() needs a relocatable kernel.
 * Places the kernel at its preferred address, the initrd, and the zero page of
 * Documentation/arch/x86/boot.rst, taken from the kernel that runs, with the command line behind
 * it. Three instructions hand the zero page to the kernel's 64-bit entry.
 */
#include "kexec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

#define PAGE	     4096ul
#define ZERO_PAGE    0x90000ul
#define COMMAND_LINE (ZERO_PAGE + PAGE)
#define JUMP	     (ZERO_PAGE + 2 * PAGE)
#define INITRD	     0x10000000ul
#define ENTRY_64     0x200

/* Offsets in the zero page, which has the first sector's header at its place. */
#define SETUP_SECTS    0x1f1
#define HEADER_END     0x201 /* one byte: from 0x202 on */
#define LOADER	       0x210
#define RAMDISK	       0x218
#define RAMDISK_SIZE   0x21c
#define CMD_LINE_PTR   0x228
#define XLOADFLAGS     0x236
#define PREF_ADDRESS   0x258
#define INIT_SIZE      0x260
#define XLF_KERNEL_64  1
#define LOADER_UNKNOWN 0xff

struct file {
	char *data;
	size_t size;
};

static struct file file_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct file f;

	if (fd < 0 || fstat(fd, &st))
		die("%s", path);
	f.size = (size_t)st.st_size;
	f.data = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (f.data == MAP_FAILED)
		die("%s", path);
	close(fd);
	return f;
}

static uint32_t get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void put32(char *p, uint64_t value)
{
	const uint32_t v = (uint32_t)value;

	memcpy(p, &v, sizeof(v));
}

/* Memory map, ACPI and the rest come from the running kernel; the header comes from the new one. */
static void zero_page_fill(char *page, const struct file *kernel, const struct file *initrd)
{
	int fd = open("/sys/kernel/boot_params/data", O_RDONLY | O_CLOEXEC);
	size_t end = 0x202u + (unsigned char)kernel->data[HEADER_END];

	if (fd < 0 || read(fd, page, PAGE) != (ssize_t)PAGE)
		die("boot parameters");
	close(fd);
	memcpy(page + SETUP_SECTS, kernel->data + SETUP_SECTS, end - SETUP_SECTS);
	page[LOADER] = (char)LOADER_UNKNOWN;
	put32(page + RAMDISK, INITRD);
	put32(page + RAMDISK_SIZE, initrd->size);
	put32(page + CMD_LINE_PTR, COMMAND_LINE);
}

/* mov $ZERO_PAGE,%esi; mov $entry,%eax; jmp *%rax */
static void jump_fill(char *code, uint64_t entry)
{
	code[0] = (char)0xbe;
	put32(code + 1, ZERO_PAGE);
	code[5] = (char)0xb8;
	put32(code + 6, entry);
	code[10] = (char)0xff;
	code[11] = (char)0xe0;
}

static struct kexec_segment segment(const char *from, size_t size, uint64_t to, size_t memory)
{
	return (struct kexec_segment){
		.buf = from,
		.bufsz = size,
		.mem = (const void *)(uintptr_t)to,
		.memsz = (memory + PAGE - 1) & ~(PAGE - 1),
	};
}

_Noreturn void kexec_go(const char *kernel, const char *initrd, const char *cmdline)
{
	static char low[3 * PAGE];
	const struct file k = file_map(kernel), i = file_map(initrd);
	const size_t setup = ((unsigned char)k.data[SETUP_SECTS] + 1u) * 512u;
	const uint64_t base = get32(k.data + PREF_ADDRESS);
	const struct kexec_segment segments[] = {
		segment(low, sizeof(low), ZERO_PAGE, sizeof(low)),
		segment(k.data + setup, k.size - setup, base, get32(k.data + INIT_SIZE)),
		segment(i.data, i.size, INITRD, i.size),
	};

	errno = ENOEXEC;
	if (!(k.data[XLOADFLAGS] & XLF_KERNEL_64) || strlen(cmdline) >= PAGE)
		die("%s", kernel);
	zero_page_fill(low, &k, &i);
	memcpy(low + PAGE, cmdline, strlen(cmdline) + 1);
	jump_fill(low + 2 * PAGE, base + ENTRY_64);
	if (syscall(SYS_kexec_load, JUMP, sizeof(segments) / sizeof(segments[0]), segments,
		    (unsigned long)KEXEC_ARCH_DEFAULT))
		die("loading %s", kernel);
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	die("booting %s", kernel);
}
