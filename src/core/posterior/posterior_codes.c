/*
 * posterior_codes.c
 *	  What telling and reading the steps of a kept posterior share.
 */
#include "posterior_codes.h"

#include <stdlib.h>
#include <string.h>

/* From a half on, for nothing but the most probable class has more, down to just below the default bound. */
const uint8_t hwr_posterior_levels[LEVELS] = {12, 15, 18, 22, 26, 31, 37, 44, 52, 61, 72, 84, 98, 113, 130};

/* More than there is to find. */
#define FULL UINT32_C(0x40000000)

/* Shares are counted up to here. */
#define MAX_COUNTED (1 << 16)

/* CRC-16: polynomial 0x1021, all bits set at first */
static uint16_t
add_checksum(uint16_t crc, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		unsigned	x = crc >> 8 ^ bytes[i];

		x ^= x >> 4;
		crc = (uint16_t) (crc << 8 ^ x << 12 ^ x << 5 ^ x);
	}
	return crc;
}

uint16_t
hwr_posterior_checksum(const uint8_t *bytes, size_t len)
{
	return add_checksum(add_checksum(0xFFFF, bytes, CHECKSUM_AT), bytes + CHECKSUM_AT + CHECKSUM,
						len - CHECKSUM_AT - CHECKSUM);
}

void
hwr_posterior_seal(uint8_t *bytes, size_t len)
{
	uint16_t	crc;

	if (len < CHECKSUM_AT + CHECKSUM)
		return;
	crc = hwr_posterior_checksum(bytes, len);
	bytes[CHECKSUM_AT] = (uint8_t) crc;
	bytes[CHECKSUM_AT + 1] = (uint8_t) (crc >> 8);
}

bool
hwr_codes_begin(HwrStepCodes *codes, int classes, HwrStatus *st)
{
	size_t		n = (size_t) classes;
	size_t		power = 1;

	while (power * 2 < n)
		power *= 2;
	if (!hwr_alloc_room(&codes->last.items, &codes->items_room[0], n, sizeof(HwrCoded), st) ||
		!hwr_alloc_room(&codes->now.items, &codes->items_room[1], n, sizeof(HwrCoded), st) ||
		!hwr_alloc_room(&codes->told, &codes->told_room, n, sizeof(int), st) ||
		!hwr_alloc_room(&codes->shares, &codes->shares_room, n, sizeof(uint32_t), st) ||
		!hwr_alloc_room(&codes->sums, &codes->sums_room, 2 * power, sizeof(uint32_t), st))
		return false;
	codes->classes = classes;
	codes->power = (int) power;
	codes->step = 1;
	memset(codes->told, 0, n * sizeof(int));
	for (int i = 1; i < classes; i++)
	{
		codes->shares[i] = 1;
		codes->sums[i] = (uint32_t) (i & -i);
	}
	for (size_t i = n; i < 2 * power; i++)
		codes->sums[i] = FULL;
	codes->all = (uint32_t) classes - 1;
	codes->last.n = 1;
	codes->last.second = ABSENT;
	codes->last.items[0] = (HwrCoded) {0, 0, ABSENT, 0};
	codes->now.n = 0;
	codes->now.second = ABSENT;
	return true;
}

void
hwr_codes_free(HwrStepCodes *codes)
{
	free(codes->last.items);
	free(codes->now.items);
	free(codes->told);
	free(codes->shares);
	free(codes->sums);
}

void
hwr_codes_next(HwrStepCodes *codes)
{
	HwrCodedStep last = codes->last;
	size_t		room = codes->items_room[0];

	codes->last = codes->now;
	codes->now = last;
	codes->items_room[0] = codes->items_room[1];
	codes->items_room[1] = room;
	codes->now.n = 0;
	codes->now.second = ABSENT;
	codes->step++;
}

uint32_t
hwr_codes_before(const HwrStepCodes *codes, int class)
{
	uint32_t	sum = 0;

	for (int i = class - 1; i > 0; i -= i & -i)
		sum += codes->sums[i];
	return sum;
}

int
hwr_codes_find(const HwrStepCodes *codes, uint32_t unit, uint32_t *before)
{
	int			at = 0;

	*before = 0;
	for (int power = codes->power; power > 0; power /= 2)
	{
		uint32_t	sum = codes->sums[at + power];
		bool		beyond = *before + sum <= unit;

		at += beyond ? power : 0;
		*before += beyond ? sum : 0;
	}
	return at + 1;
}

void
hwr_codes_count(HwrStepCodes *codes, int class)
{
	if (codes->all >= MAX_COUNTED)
		return;
	codes->shares[class]++;
	for (int i = class; i < codes->classes; i += i & -i)
		codes->sums[i]++;
	codes->all++;
}
